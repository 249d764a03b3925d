package dev.oxbow.bumblebee;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.ControlPeer.Incoming;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests and events of Bumblebee, as any language sees them. */
@DescriptorLeaks
@RequiresRoot
class TunnelProtocolTest {
  private static final int MTU = 1500;
  private static final String METADATA = "{\"tenant\": [7, 1.50]}";

  private ClientNetwork client;
  private ServedBumblebee bumblebee;

  @BeforeEach
  void open() {
    client = new ClientNetwork(MTU, true);
  }

  @AfterEach
  void close() {
    bumblebee.close();
    client.close();
  }

  private Descriptor flow() {
    return client.tun().descriptor();
  }

  private static Descriptor[] pair(int type) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, type);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  /** The reset may come while the client still looks whether it is connected. */
  private void assertTurnedAway() {
    assertThatThrownBy(
            () -> {
              try (TestPeer inside = client.connect("10.9.8.7", 81)) {
                inside.read(1);
              }
            })
        .isInstanceOf(LinuxException.class)
        .hasMessageContaining("ECONNRESET");
  }

  private static JsonObject closed(ControlPeer peer) {
    try (Incoming event = peer.event()) {
      assertThat(event.json().getString("event")).isEqualTo("closed");
      assertThat(event.descriptors()).hasSize(1);
      return event.json();
    }
  }

  @Test
  void connectionsComeWithTheirAddressesAndWork() {
    bumblebee = ServedBumblebee.start();
    try (ControlPeer peer = bumblebee.connect("app")) {
      String tunnel = ServedBumblebee.upgrade(peer, flow(), ",\"metadata\":" + METADATA);
      for (String address : new String[] {"10.9.8.7", "2001:db8::77"}) {
        try (TestPeer inside = client.connect(address, 443);
            Incoming event = peer.event()) {
          String shown = address.contains(":") ? "[" + address + "]" : address;
          String from = address.contains(":") ? "[2001:db8::2]:" : "10.0.0.2:";
          assertThat(event.json().getString("event")).isEqualTo("connected");
          assertThat(event.json().getString("tunnel")).isEqualTo(tunnel);
          assertThat(event.json().getString("destination")).isEqualTo(shown + ":443");
          assertThat(event.json().getString("client")).startsWith(from);
          assertThat(event.json().getJsonObject("metadata")).isEqualTo(new JsonObject(METADATA));
          TestPeer outside = new TestPeer(event.descriptors().get(0));
          inside.write("there".getBytes(US_ASCII));
          assertThat(outside.read(5)).isEqualTo("there".getBytes(US_ASCII));
          outside.write("and back".getBytes(US_ASCII));
          assertThat(inside.read(8)).isEqualTo("and back".getBytes(US_ASCII));
        }
      }
    }
  }

  @Test
  void flowComesBackAsItWasWhenItsTunnelIsAborted() {
    bumblebee = ServedBumblebee.start();
    int flags = Syscalls.fcntl(flow().fd(), Syscalls.F_GETFL, 0);
    try (ControlPeer peer = bumblebee.connect("app")) {
      String tunnel = ServedBumblebee.upgrade(peer, flow(), ",\"metadata\":" + METADATA);
      try (TestPeer inside = client.connect("10.9.8.7", 80);
          Incoming connected = peer.event()) {
        assertThat(connected.descriptors()).hasSize(1);
        peer.send("{\"op\":\"abort\",\"id\":2,\"tunnel\":\"" + tunnel + "\"}");
        assertThat(peer.answer().getBoolean("ok")).isTrue();
        JsonObject closed = closed(peer);
        assertThat(closed.getString("reason")).isEqualTo("aborted");
        assertThat(closed.getString("tunnel")).isEqualTo(tunnel);
        assertThat(closed.getJsonObject("metadata")).isEqualTo(new JsonObject(METADATA));
        assertThat(closed.getJsonObject("packets").getLong("in")).isGreaterThanOrEqualTo(2);
        assertThat(closed.getJsonObject("packets").getLong("out")).isPositive();
        assertThat(Syscalls.fcntl(flow().fd(), Syscalls.F_GETFL, 0)).isEqualTo(flags);
        // Its connections are reset.
        assertThatThrownBy(() -> inside.read(1)).isInstanceOf(LinuxException.class);
      }
      // It can be given again.
      ServedBumblebee.upgrade(peer, flow(), "");
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void closedFlowEndsItsTunnel(boolean seqpacket) {
    bumblebee = ServedBumblebee.start();
    Descriptor[] ends = pair(seqpacket ? Sockets.SOCK_SEQPACKET : Sockets.SOCK_DGRAM);
    try (ControlPeer peer = bumblebee.connect("app");
        Descriptor flow = ends[0];
        Descriptor far = ends[1]) {
      String tunnel = ServedBumblebee.upgrade(peer, flow, "");
      Descriptor.closeAll(List.of(far));
      if (!seqpacket) {
        // Nothing tells the end of a datagram socket but a packet that cannot be sent.
        peer.send("{\"op\":\"abort\",\"id\":2,\"tunnel\":\"" + tunnel + "\"}");
        assertThat(peer.answer().getBoolean("ok")).isTrue();
      }
      JsonObject closed = closed(peer);
      assertThat(closed.getString("reason")).isEqualTo(seqpacket ? "eof" : "aborted");
      assertThat(closed.getString("tunnel")).isEqualTo(tunnel);
    }
  }

  @Test
  void tunnelsAreListedPageByPageToTheirOwner() {
    bumblebee = ServedBumblebee.start();
    List<Descriptor> owned = new ArrayList<>();
    try (ControlPeer peer = bumblebee.connect("app")) {
      List<String> tunnels = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Descriptor[] ends = pair(Sockets.SOCK_SEQPACKET);
        owned.addAll(List.of(ends));
        tunnels.add(ServedBumblebee.upgrade(peer, ends[0], ",\"metadata\":" + i));
      }
      JsonObject first = peer.ask("{\"op\":\"list\",\"id\":2,\"limit\":2}");
      String next = first.getString("next");
      JsonObject second =
          peer.ask("{\"op\":\"list\",\"id\":3,\"limit\":2,\"after\":\"" + next + "\"}");

      assertThat(next).isEqualTo(tunnels.get(1));
      assertThat(first.getJsonArray("tunnels")).hasSize(2);
      JsonObject last = second.getJsonArray("tunnels").getJsonObject(0);
      assertThat(last.getString("tunnel")).isEqualTo(tunnels.get(2));
      assertThat(last.getInteger("metadata")).isEqualTo(2);
      assertThat(last.getInteger("connections")).isZero();
      assertThat(last.getJsonObject("packets").getJsonObject("dropped")).isEmpty();
      assertThat(second.containsKey("next")).isFalse();
      assertThat(peer.stats().getInteger("tunnels")).isEqualTo(3);
      assertThat(peer.refused("{\"op\":\"abort\",\"id\":4,\"tunnel\":\"zz\"}"))
          .isEqualTo("not-found: tunnel: no tunnel zz");
    } finally {
      Descriptor.closeAll(owned);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ,"mtu":575    | bad-request: mtu: is 575; expected an integer from 576 to 65535
          ,"mtu":"big"  | bad-request: mtu: is "big"; expected an integer from 576 to 65535
          ,"vnetHdr":1  | bad-request: vnetHdr: is 1; expected true or false
          """)
  void refusedRequestNamesItsField(String more, String refusal) {
    bumblebee = ServedBumblebee.start();
    try (ControlPeer peer = bumblebee.connect("app")) {
      String request = "{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]" + more + "}";
      assertThat(peer.refused(request, flow())).isEqualTo(refusal);
      ServedBumblebee.upgrade(peer, flow(), "");
      assertThat(peer.refused("{\"op\":\"upgrade\",\"id\":2}"))
          .isEqualTo("bad-descriptors: flow: missing");
    }
  }

  @Test
  void flowsThatAreNoneAndThoseInHandAreRefusedAndNothingIsLeft() {
    bumblebee = ServedBumblebee.start();
    String request = "{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]}";
    try (ControlPeer peer = bumblebee.connect("app");
        ControlPeer other = bumblebee.connect("app")) {
      ServedBumblebee.upgrade(peer, flow(), "");
      assertThat(peer.refused(request, flow()))
          .isEqualTo("bad-descriptors: flow: given before; a flow serves once at a time");
      assertThat(peer.refused(request, other.socket()))
          .isEqualTo(
              "bad-descriptors: flow: a control connection of this service; it carries no packets");
      Await.until("refused ones are closed", () -> peer.stats().getInteger("descriptors") == 1);
    }
  }

  @Test
  void quotaOfTunnelsHoldsAndIsGivenBack() {
    bumblebee = ServedBumblebee.start(options -> options.getQuotas().setTunnels(1));
    Descriptor[] ends = pair(Sockets.SOCK_SEQPACKET);
    try (ControlPeer peer = bumblebee.connect("app");
        Descriptor flow = ends[0];
        Descriptor far = ends[1]) {
      ServedBumblebee.upgrade(peer, flow, "");
      String request = "{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]}";
      assertThat(peer.refused(request, flow()))
          .isEqualTo("quota-exceeded: uid 0 has as many tunnels as it may: 1");
      Descriptor.closeAll(List.of(far));
      assertThat(closed(peer).getString("reason")).isEqualTo("eof");
      ServedBumblebee.upgrade(peer, flow(), "");
    }
  }

  @Test
  void connectionAboveTheQuotaIsResetAndCounted() {
    bumblebee = ServedBumblebee.start(options -> options.getQuotas().setTunnelConnections(1));
    try (ControlPeer peer = bumblebee.connect("app")) {
      ServedBumblebee.upgrade(peer, flow(), "");
      try (TestPeer first = client.connect("10.9.8.7", 80);
          Incoming connected = peer.event()) {
        assertThat(connected.descriptors()).hasSize(1);
        assertTurnedAway();
        assertThat(peer.stats().getInteger("refused")).isEqualTo(1);
        first.write(new byte[1]);
      }
    }
  }

  @Test
  void connectionsWaitInTheMailboxForTheNextLifeOfTheirApp() {
    bumblebee = ServedBumblebee.start();
    try (ControlPeer watcher = bumblebee.connect()) {
      String tunnel;
      try (ControlPeer peer = bumblebee.connect("app")) {
        tunnel = ServedBumblebee.upgrade(peer, flow(), "");
      }
      try (TestPeer inside = client.connect("10.9.8.7", 80)) {
        Await.until("it waits", () -> watcher.stats().getInteger("mailboxEvents") == 1);
        inside.write("early".getBytes(US_ASCII));
        try (ControlPeer next = bumblebee.connect("app");
            Incoming connected = next.event()) {
          assertThat(connected.json().getString("tunnel")).isEqualTo(tunnel);
          TestPeer outside = new TestPeer(connected.descriptors().get(0));
          assertThat(outside.read(5)).isEqualTo("early".getBytes(US_ASCII));
        }
      }
    }
  }

  @Test
  void connectionsThatNobodyTakesInTimeAreReset() {
    bumblebee = ServedBumblebee.start(options -> options.getQuotas().setMailboxAgeMs(50));
    try (ControlPeer watcher = bumblebee.connect()) {
      try (ControlPeer peer = bumblebee.connect("app")) {
        ServedBumblebee.upgrade(peer, flow(), "");
      }
      assertTurnedAway();
      assertThat(watcher.stats().getInteger("mailboxDropped")).isEqualTo(1);
    }
  }

  @Test
  void connectedAppsGetTheirFlowsBackWhenTheServiceStops() {
    bumblebee = ServedBumblebee.start();
    try (ControlPeer peer = bumblebee.connect("app")) {
      ServedBumblebee.upgrade(peer, flow(), "");
      Future<Void> stopped = bumblebee.undeploy();
      assertThat(closed(peer).getString("reason")).isEqualTo("aborted");
      Await.until("stopped", stopped::isComplete);
    }
  }
}

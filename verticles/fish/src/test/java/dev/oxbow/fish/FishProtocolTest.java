package dev.oxbow.fish;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.attribution.PortHistory;
import dev.oxbow.fish.attribution.PortHistory.Question;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.ServedService;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ops of Fish and its events, member by member, with real packets. */
@DescriptorLeaks
@RequiresRoot
class FishProtocolTest {
  private static final String GRANTED = "\"address\":\"203.0.113.7\",\"ports\":\"20000-20001\"";

  private Namespace middle;
  private ServedFish fish;
  private ControlPeer peer;

  private static final class ServedFish extends ServedService {
    ServedFish(Namespace namespace) {
      super(
          FishVerticle.NAME,
          options ->
              options.setFish(
                  new FishOptions()
                      .setMaxFlows(1024)
                      .setMaxClients(100)
                      .setLogDirectory(options.getRuntimeDir() + "/log")
                      .setEgress(
                          List.of(
                              Grant.of("203.0.113.7", "20000-20999"),
                              Grant.of("2001:db8:2::7", "20000-20999")))),
          options -> new FishVerticle(options, null, namespace));
    }
  }

  @BeforeEach
  void open() {
    middle = Namespace.open();
    fish = new ServedFish(middle);
    peer = fish.connect("test");
  }

  @AfterEach
  void close() {
    peer.close();
    fish.close();
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
    middle.close();
  }

  @Test
  void packetsLeaveAndTheSessionIsFoundListedAndGivenBack() throws IOException {
    try (Namespace server = Namespace.open();
        Namespace client = Namespace.open();
        Tun tun = EgressStage.clientTun(client, 1500)) {
      EgressStage.wire(middle, server);
      String session = egress(tun.descriptor(), GRANTED + ",\"metadata\":{\"who\":1}");
      try (DatagramSocket there =
              server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5353)));
          DatagramSocket here = client.call(() -> new DatagramSocket(4000))) {
        int port = ask(here, there);
        assertThat(port).isBetween(20_000, 20_001);
        JsonObject found = lookup(port, "udp");
        assertThat(found.getString("session")).isEqualTo(session);
        assertThat(found.getString("client")).isEqualTo("10.0.0.2:4000");
        assertThat(found.getJsonObject("metadata")).isEqualTo(new JsonObject().put("who", 1));
        assertThat(found.getLong("sinceMs"))
            .isBetween(System.currentTimeMillis() - 60_000, System.currentTimeMillis());
        assertThat(
                peer.refused(
                    "{\"op\":\"lookup\",\"id\":4,\"protocol\":\"udp\",\"address\":\"203.0.113.7\","
                        + "\"port\":20900,\"destination\":\"198.51.100.9:5353\"}"))
            .startsWith("not-found");
        exhaust(client, there);
      }
      JsonArray sessions = peer.ask("{\"op\":\"list\",\"id\":5}").getJsonArray("sessions");
      assertThat(sessions).hasSize(1);
      JsonObject listed = sessions.getJsonObject(0);
      assertThat(listed.getString("session")).isEqualTo(session);
      assertThat(listed.getInteger("flows")).isEqualTo(2);
      assertThat(listed.getJsonObject("packets").getInteger("in")).isPositive();
      peer.ask("{\"op\":\"abort\",\"id\":6,\"session\":\"" + session + "\"}");
      try (ControlPeer.Incoming closed = peer.event()) {
        JsonObject event = closed.json();
        assertThat(event.getString("event")).isEqualTo("closed");
        assertThat(event.getString("session")).isEqualTo(session);
        assertThat(event.getString("reason")).isEqualTo("aborted");
        assertThat(event.getJsonObject("packets").getJsonObject("dropped").getInteger("exhausted"))
            .isPositive();
        assertThat(event.getJsonObject("metadata").getInteger("who")).isEqualTo(1);
        assertThat(event.getJsonArray("fds")).isEqualTo(new JsonArray().add("flow"));
        assertThat(Tun.flags(closed.descriptors().get(0).fd()) & Tun.IFF_TUN).isNotZero();
      }
      assertThat(EgressStage.in(middle, "conntrack -L")).contains("0 flow entries");
      assertThat(peer.stats().getJsonObject("log").getInteger("lost")).isZero();
      Instant then = Instant.now();
      EpollVertx.await(fish.undeploy());
      assertWasLogged(session, then);
    }
  }

  /** Whoever asks later learns whose port it was, and where it went is not written down. */
  private void assertWasLogged(String session, Instant then) throws IOException {
    Path log = fish.directory().resolve("log");
    Question question = new Question("203.0.113.7", 20_000, "udp", then);
    PortHistory.Answer answer = PortHistory.who(log, question);
    assertThat(answer.holders())
        .extracting(PortHistory.Holder::client, PortHistory.Holder::ports)
        .contains(tuple("10.0.0.2", "20000-20031"));
    assertThat(answer.sessions().get(session).toString())
        .contains("\"app\":\"test\"", "\"metadata\":{\"who\":1}");
    try (Stream<Path> files = Files.list(log)) {
      for (Path file : files.toList()) {
        assertThat(Files.readString(file)).doesNotContain(SERVER);
      }
    }
  }

  private void exhaust(Namespace client, DatagramSocket there) throws IOException {
    try (DatagramSocket second = client.call(() -> new DatagramSocket());
        DatagramSocket third = client.call(() -> new DatagramSocket())) {
      ask(second, there);
      third.send(new DatagramPacket(new byte[1], 1, there.getLocalSocketAddress()));
      try (ControlPeer.Incoming told = peer.event()) {
        JsonObject event = told.json();
        assertThat(event.getString("event")).isEqualTo("exhausted");
        assertThat(event.getString("address")).isEqualTo("203.0.113.7");
        assertThat(event.getString("ports")).isEqualTo("20000-20001");
        assertThat(event.getString("destination")).isEqualTo("198.51.100.9:5353");
      }
    }
  }

  private JsonObject lookup(int port, String protocol) {
    return peer.ask(
        "{\"op\":\"lookup\",\"id\":4,\"protocol\":\""
            + protocol
            + "\",\"address\":\"203.0.113.7\",\"port\":"
            + port
            + ",\"destination\":\"198.51.100.9:5353\"}");
  }

  @Test
  void trialLeavesNothingAndNamesWhatIsWrong() {
    FishOptions options = new FishOptions().setMaxFlows(1024).setMaxClients(100);
    assertThatThrownBy(() -> FishTrial.run(options)).hasMessageContaining("fish.egress: missing");
    options.setEgress(List.of(Grant.of("203.0.113.7", "20000-20999")));
    FishTrial.run(options);
    String rules = middle.call(() -> FishTrial.rules(options));
    assertThat(rules)
        .contains("elements = { 203.0.113.7 . 20000-20999 }", "table inet oxbow_fish0 {")
        .contains("meta nfproto ipv4 iifname != @ours oifname != @ours counter drop")
        .doesNotContain("@DEVICE@", "@MARK@", "@SLICES6@", "@ROUTER@", "@LINK@")
        .doesNotContain("tcp dport");
    PairOptions pair =
        new PairOptions("edge-1", "first", "10.9.0.1:5701", List.of("10.9.0.2:1", "[fd00::2]:2"));
    assertThat(middle.call(() -> FishTrial.rules(new FishOptions(options).setPair(pair))))
        .contains("\"fish0\" ip daddr . tcp dport { 10.9.0.1 . 5701, 10.9.0.2 . 1 } counter drop")
        .contains("\"fish0\" ip6 daddr . tcp dport { fd00::2 . 2 } counter drop");
    options.setEgress(List.of(Grant.of("fd00::1", "1-9"), Grant.of("fd00:0::1", "9-10")));
    assertThatThrownBy(() -> FishTrial.run(options)).hasMessageContaining("9-10 is granted twice");
    options.setEgress(List.of(Grant.of("203.0.113.7", "1-9"))).setPool("10.0.0.0/31");
    assertThatThrownBy(() -> FishTrial.run(options)).hasMessageContaining("fish.pool: 10.0.0.0/31");
  }

  @Test
  void namesOfLiveSessionsAreTakenOnce() {
    List<Descriptor> one = EgressStage.packetPair();
    List<Descriptor> two = EgressStage.packetPair();
    JsonObject answer =
        peer.ask(
            "{\"op\":\"egress\",\"id\":3,\"fds\":[\"flow\"],\"resume\":\"a\"," + GRANTED + "}",
            one.get(0));
    assertThat(answer.getInteger("resumed")).isZero();
    assertThat(
            peer.refused(
                "{\"op\":\"egress\",\"id\":3,\"fds\":[\"flow\"],\"resume\":\"a\"," + GRANTED + "}",
                two.get(0)))
        .contains("resume");
    one.get(1).close();
    try (ControlPeer.Incoming closed = peer.event()) {
      assertThat(closed.json().getString("reason")).isEqualTo("eof");
    }
    Descriptor.closeAll(one);
    Descriptor.closeAll(two);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"address\":\"203.0.113.8\",\"ports\":\"20000-20999\" | not-authorized",
        "\"address\":\"203.0.113.7\",\"ports\":\"19999-20999\" | not-authorized",
        "\"address\":\"203.0.113.7\",\"ports\":\"20000-21000\" | not-authorized",
        "\"address\":\"here\",\"ports\":\"20000-20999\" | address",
        "\"address\":\"203.0.113.7\" | ports",
        "\"address\":\"203.0.113.7\",\"ports\":\"9-1\" | ports",
        "\"egress\":[] | egress",
        "\"mtu\":575,\"address\":\"203.0.113.7\",\"ports\":\"20000-20999\" | mtu",
        "\"mapping\":\"any\",\"address\":\"203.0.113.7\",\"ports\":\"20000-20999\" | mapping",
        "\"vnetHdr\":\"yes\",\"address\":\"203.0.113.7\",\"ports\":\"20000-20999\" | vnetHdr"
      })
  void whatIsNotRightIsNamed(String members, String named) {
    List<Descriptor> pair = EgressStage.packetPair();
    assertThat(
            peer.refused(
                "{\"op\":\"egress\",\"id\":3,\"fds\":[\"flow\"]," + members + "}", pair.get(0)))
        .contains(named);
    Descriptor.closeAll(pair);
  }

  @Test
  void descriptorsThatAreNoFlowsAreRefused() {
    Pipe pipe = Pipe.open(4096);
    assertThat(
            peer.refused(
                "{\"op\":\"egress\",\"id\":3,\"fds\":[\"flow\"]," + GRANTED + "}", pipe.readEnd()))
        .contains("bad-descriptors");
    pipe.close();
    JsonObject stats = peer.stats();
    assertThat(stats.getInteger("sessions")).isZero();
    assertThat(stats.getJsonObject("device").getInteger("tcpSegments")).isEqualTo(1);
    assertThat(stats.getJsonObject("device").getLong("txDropped")).isZero();
  }

  private String egress(Descriptor flow, String members) {
    return peer.ask("{\"op\":\"egress\",\"id\":3,\"fds\":[\"flow\"]," + members + "}", flow)
        .getString("session");
  }

  static int ask(DatagramSocket here, DatagramSocket there) throws IOException {
    here.send(new DatagramPacket(new byte[1], 1, there.getLocalSocketAddress()));
    DatagramPacket asked = new DatagramPacket(new byte[9], 9);
    there.setSoTimeout(5000);
    there.receive(asked);
    assertThat(asked.getAddress()).isEqualTo(InetAddress.getByName("203.0.113.7"));
    there.send(new DatagramPacket(new byte[2], 2, asked.getSocketAddress()));
    DatagramPacket answer = new DatagramPacket(new byte[9], 9);
    here.setSoTimeout(5000);
    here.receive(answer);
    assertThat(answer.getLength()).isEqualTo(2);
    return asked.getPort();
  }
}

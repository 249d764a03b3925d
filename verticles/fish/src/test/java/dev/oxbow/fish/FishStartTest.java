package dev.oxbow.fish;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.service.local.LocalClient;
import dev.oxbow.service.testing.ControlPeer;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Starts of a Fish that do not succeed, the first one and one after a crash. */
@DescriptorLeaks
@RequiresRoot
class FishStartTest {
  private static final String EGRESS =
      "{\"op\":\"egress\",\"id\":1,\"fds\":[\"flow\"],\"address\":\"203.0.113.7\","
          + "\"ports\":\"20000-20999\",\"resume\":\"client\"}";
  private static final String STATE =
      "nft list ruleset; ip route show table all | grep -v 'dev lo'; conntrack -L 2>/dev/null |"
          + " sed 's/ [0-9]* src/ src/'; cat /proc/sys/net/ipv4/ip_forward";

  @TempDir Path directory;
  private EpollVertx vertx;
  private Namespace middle;

  @BeforeEach
  void open() {
    vertx = EpollVertx.open();
    middle = Namespace.open();
  }

  @AfterEach
  void close() {
    vertx.close();
    middle.close();
  }

  private FishVerticle fish(String group) {
    OxbowOptions options = options();
    options.getControl().setSocketGroup(group);
    return new FishVerticle(options, null, middle);
  }

  private OxbowOptions options() {
    return new OxbowOptions(directory)
        .setFish(
            new FishOptions()
                .setMaxFlows(1024)
                .setMaxClients(100)
                .setEgress(List.of(Grant.of("203.0.113.7", "20000-20999"))));
  }

  /** One without a control socket, of which a directory can have two. */
  private FishVerticle embedded(Namespace namespace) {
    String address = LocalClient.newAddress(FishVerticle.NAME);
    return new FishVerticle(options(), null, namespace, address);
  }

  private void requireNoStart() {
    assertThatThrownBy(() -> EpollVertx.await(vertx.vertx().deployVerticle(fish("no-such-group"))))
        .hasStackTraceContaining("fish.sock: cannot listen");
  }

  @Test
  void firstOneThatFailsLeavesNothing() {
    String before = EgressStage.in(middle, STATE);
    requireNoStart();
    assertThat(EgressStage.in(middle, STATE)).isEqualTo(before);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void oneThatFailsAfterACrashLeavesWhatWaitsToTheNext() throws IOException {
    try (Namespace server = Namespace.open();
        Namespace client = Namespace.open();
        Tun tun = EgressStage.clientTun(client, 1500);
        DatagramSocket here = client.call(() -> new DatagramSocket())) {
      EgressStage.wire(middle, server);
      try (DatagramSocket there =
          server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5353)))) {
        FishVerticle killed = fish(null);
        String id = EpollVertx.await(vertx.vertx().deployVerticle(killed));
        try (ControlPeer peer = connect()) {
          peer.ask(EGRESS, tun.descriptor());
          FishProtocolTest.ask(here, there);
          end(killed);
        }
        EpollVertx.await(vertx.vertx().undeploy(id));
        String crashed = EgressStage.in(middle, STATE);
        assertThat(crashed).contains("oxbow_fish0", "blackhole 100.64.0.0/10", "mark=3861");

        requireNoStart();
        assertThat(EgressStage.in(middle, STATE)).isEqualTo(crashed);

        String next = EpollVertx.await(vertx.vertx().deployVerticle(fish(null)));
        try (ControlPeer peer = connect()) {
          assertThat(peer.stats().getInteger("lostSessions")).isEqualTo(1);
          assertThat(peer.ask(EGRESS, tun.descriptor()).getInteger("resumed")).isEqualTo(1);
          FishProtocolTest.ask(here, there);
          EpollVertx.await(vertx.vertx().undeploy(next));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {7, FishOptions.DEFAULT_MARK})
  void connectionsGoOnInAnotherPoolAndUnderAnotherMarkAfterACrash(int mark) throws IOException {
    try (Namespace server = Namespace.open();
        Namespace client = Namespace.open();
        Tun tun = EgressStage.clientTun(client, 1500);
        DatagramSocket here = client.call(() -> new DatagramSocket())) {
      EgressStage.wire(middle, server);
      try (DatagramSocket there =
          server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5353)))) {
        FishVerticle killed = fish(null);
        String id = EpollVertx.await(vertx.vertx().deployVerticle(killed));
        int port;
        try (ControlPeer peer = connect()) {
          peer.ask(EGRESS, tun.descriptor());
          port = FishProtocolTest.ask(here, there);
          end(killed);
        }
        EpollVertx.await(vertx.vertx().undeploy(id));
        OxbowOptions options = options();
        Objects.requireNonNull(options.getFish()).setPool("100.80.0.0/12").setMark(mark);
        String next =
            EpollVertx.await(vertx.vertx().deployVerticle(new FishVerticle(options, null, middle)));
        assertThat(EgressStage.in(middle, STATE)).doesNotContain("100.64.", "mark=");
        try (ControlPeer peer = connect()) {
          assertThat(peer.ask(EGRESS, tun.descriptor()).getInteger("resumed")).isEqualTo(1);
          assertThat(FishProtocolTest.ask(here, there)).isEqualTo(port);
          assertThat(EgressStage.in(middle, STATE))
              .contains("mark=" + mark + " ", "src=100.80.0.1 ");
          EpollVertx.await(vertx.vertx().undeploy(next));
        }
        assertThat(EgressStage.in(middle, STATE)).doesNotContain("100.80.", "mark=", "oxbow");
      }
    }
  }

  @Test
  void filesOfOneAreNobodyElsesWhateverHasCrashedBefore() throws IOException {
    Path lock = directory.resolve("fish0.tables.lock");
    try (Namespace other = Namespace.open()) {
      String before = EgressStage.in(other, STATE);
      for (int crash = 0; crash < 2; crash++) {
        FishVerticle killed = embedded(middle);
        String id = EpollVertx.await(vertx.vertx().deployVerticle(killed));
        assertThatThrownBy(() -> EpollVertx.await(vertx.vertx().deployVerticle(embedded(other))))
            .hasStackTraceContaining(lock + " is locked by another Fish")
            .hasStackTraceContaining("Give this one another runtimeDir or fish.device.");
        assertThat(EgressStage.in(other, STATE)).isEqualTo(before);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(lock)))
            .isEqualTo("rw-------");
        end(killed);
        EpollVertx.await(vertx.vertx().undeploy(id));
      }
      String next = EpollVertx.await(vertx.vertx().deployVerticle(embedded(middle)));
      EpollVertx.await(vertx.vertx().undeploy(next));
      assertThat(directory).isEmptyDirectory();
      next = EpollVertx.await(vertx.vertx().deployVerticle(embedded(other)));
      EpollVertx.await(vertx.vertx().undeploy(next));
    }
  }

  @Test
  void portsThatRestAreNotGivenOutAfterAnOrderlyEnd() throws IOException {
    try (Namespace server = Namespace.open();
        Namespace client = Namespace.open();
        Tun tun = EgressStage.clientTun(client, 1500);
        DatagramSocket here = client.call(() -> new DatagramSocket())) {
      EgressStage.wire(middle, server);
      try (DatagramSocket there =
              server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5353)));
          DatagramSocket other =
              server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5354)))) {
        String onePort = EGRESS.replace("20000-20999", "20000-20000");
        String first = EpollVertx.await(vertx.vertx().deployVerticle(fish(null)));
        try (ControlPeer peer = connect()) {
          peer.ask(onePort, tun.descriptor());
          FishProtocolTest.ask(here, there);
          EpollVertx.await(vertx.vertx().undeploy(first));
        }
        assertThat(directory.resolve("fish0.resting")).isRegularFile();

        String next = EpollVertx.await(vertx.vertx().deployVerticle(fish(null)));
        assertThat(directory.resolve("fish0.resting")).doesNotExist();
        try (ControlPeer peer = connect()) {
          peer.ask(onePort, tun.descriptor());
          here.send(new DatagramPacket(new byte[1], 1, there.getLocalSocketAddress()));
          try (ControlPeer.Incoming told = peer.event()) {
            assertThat(told.json().getString("event")).isEqualTo("exhausted");
          }
          // Toward another destination it is another five-tuple.
          assertThat(FishProtocolTest.ask(here, other)).isEqualTo(20_000);
          EpollVertx.await(vertx.vertx().undeploy(next));
        }
      }
    }
  }

  private ControlPeer connect() {
    return ControlPeer.connect(directory.resolve("fish.sock")).hello("app", false);
  }

  /** As a crash would. */
  private static void end(FishVerticle fish) {
    for (int group = 0; group < fish.groups(); group++) {
      EpollVertx.await(fish.freeze(group));
    }
    EpollVertx.await(fish.abandon());
  }
}

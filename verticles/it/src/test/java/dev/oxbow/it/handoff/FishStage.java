package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Fish in a process of its own, between a client and a server that exchange 10,000 packets a
 * second.
 */
final class FishStage implements AutoCloseable {
  static final int FLOWS = 20;
  private static final int PER_SECOND = 10_000;

  private static final String SECTIONS =
      "fish: {egress: [{address: 203.0.113.7, ports: 20000-20999}], maxFlows: 4096}\n";

  private final Path folder;
  private final Namespace middle = Namespace.open();
  private final Namespace server = Namespace.open();
  private final Namespace client = Namespace.open();
  private @Nullable Tun tun;
  private @Nullable RunningOxbow service;
  private @Nullable ControlPeer control;
  private @Nullable NumberedPackets load;
  private Map<String, Integer> descriptors = Map.of();

  FishStage(Path folder) {
    this.folder = folder;
  }

  RunningOxbow service() {
    return Objects.requireNonNull(service);
  }

  ControlPeer control() {
    return Objects.requireNonNull(control);
  }

  NumberedPackets load() {
    return Objects.requireNonNull(load);
  }

  /** Serves, with a session that carries packets. */
  FishStage start() throws Exception {
    EgressStage.wire(middle, server);
    tun = EgressStage.clientTun(client, 1500);
    // A pause is the service's, and not to be seen as a loss in the client's own queue.
    EgressStage.in(client, "ip link set tun0 txqueuelen 10000");
    serve();
    open(0);
    load = new NumberedPackets(client, server, EgressStage.SERVER, FLOWS, PER_SECOND).start();
    load().awaitProgress();
    descriptors = RunningOxbow.descriptors(service().pid());
    return this;
  }

  /** Starts a service, with a control connection. */
  void serve() throws Exception {
    int namespace = middle.descriptor().fd();
    String file = "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace;
    service = RunningOxbow.in(folder).sections(SECTIONS).prefix("nsenter", "--net=" + file).start();
    control = ControlPeer.connect(service().runtimeDir().resolve("fish.sock")).hello("app", false);
  }

  /** Opens the session; it must take up so many connections. */
  void open(int resumed) {
    JsonObject answer =
        control()
            .ask(
                "{\"op\":\"egress\",\"id\":1,\"fds\":[\"flow\"],\"address\":\"203.0.113.7\","
                    + "\"ports\":\"20000-20999\",\"resume\":\"client\"}",
                Objects.requireNonNull(tun).descriptor());
    assertThat(answer.getInteger("resumed")).as(answer.encode()).isEqualTo(resumed);
  }

  /** Waits until a service is dead, whose rules and entries stay, and starts the next. */
  void goOnAfter(RunningOxbow killed) throws Exception {
    killed.await("it is dead", () -> killed.processes().isEmpty());
    control().close();
    Files.delete(killed.runtimeDir().resolve("oxbow.pid"));
    assertClosed();
    serve();
    assertThat(control().stats().getInteger("lostSessions")).isEqualTo(1);
    open(FLOWS);
  }

  /** The rules are there, the blackhole, and the entries of all flows and no others. */
  private void assertClosed() {
    assertThat(inside("nft list ruleset")).contains("oxbow_fish0");
    assertThat(inside("ip route")).contains("blackhole 100.64.0.0/10");
    assertThat(entries()).startsWith(FLOWS + " ");
  }

  /** An orderly end, which leaves nothing behind. */
  void end() throws Exception {
    load().pause();
    RunningOxbow.signal(service().pid(), "TERM");
    service().await("it has ended", () -> service().processes().isEmpty());
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
    assertThat(EgressStage.in(middle, "ip route")).doesNotContain("100.64");
    assertThat(entries()).startsWith("0 ");
    assertThat(service().runtimeDir().toFile().list())
        .filteredOn(name -> name.startsWith("fish0"))
        .containsExactly("fish0.resting");
  }

  /** How many entries of this Fish the kernel has, in words. */
  String entries() {
    String all = EgressStage.in(middle, "conntrack -L -m 3861");
    return all.substring(all.indexOf(": ", all.indexOf("conntrack v")) + 2);
  }

  /** What a command prints in the namespace of the service. */
  String inside(String command) {
    return EgressStage.in(middle, command);
  }

  @Override
  public void close() {
    try {
      if (load != null) {
        load.close();
      }
    } finally {
      if (control != null) {
        control.close();
      }
      if (service != null) {
        service.close();
      }
      if (tun != null) {
        tun.close();
      }
      client.close();
      server.close();
      middle.close();
    }
  }

  /** Waits until all is back that was sent, and then goes on; nothing but so many are lost. */
  void assertLost(long before, int atMost) throws Exception {
    load().pause();
    try {
      assertThat(load().lost() - before).isBetween(0L, (long) atMost);
      for (SocketAddress source : load().sources()) {
        InetSocketAddress from = (InetSocketAddress) source;
        assertThat(from.getAddress()).isEqualTo(InetAddress.getByName(EgressStage.OUTER));
        assertThat(from.getPort()).isBetween(20_000, 20_999);
      }
      assertClosed();
      assertThat(control().stats().getInteger("sessions")).isEqualTo(1);
      service().awaitDescriptors(descriptors);
    } finally {
      load().goOn();
    }
  }
}

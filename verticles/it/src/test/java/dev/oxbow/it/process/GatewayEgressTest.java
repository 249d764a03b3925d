package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code oxbow gateway} with {@code --egress}: two tenants with equal addresses, one slice. */
@DescriptorLeaks
@RequiresRoot
class GatewayEgressTest {
  private static final int PATIENCE_MS = 10_000;
  private static final int UDP = 5353;
  private static final int TCP = 8000;
  private static final String ALL = "203.0.113.7:20000-20999";

  @TempDir Path folder;
  private final Namespace middle = Namespace.open();
  private final Namespace server = Namespace.open();
  private final Namespace divided = Namespace.open();
  private final Namespace whole = Namespace.open();

  @AfterEach
  void end() {
    for (Namespace namespace : new Namespace[] {whole, divided, server, middle}) {
      namespace.close();
    }
  }

  private static String file(Namespace namespace) {
    return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.descriptor().fd();
  }

  private static List<String> tun(Namespace tenant, String... more) {
    List<String> options = new ArrayList<>(List.of("--tun", "tun0", "--netns", file(tenant)));
    options.addAll(List.of("--address", "10.7.0.2/24", "--egress", ALL));
    options.addAll(List.of(more));
    return options;
  }

  @Test
  void everythingGetsOutAndWhatIsNotTcpFromTheSliceAlsoAfterAnUpgrade() throws Exception {
    EgressStage.wire(middle, server);
    List<String> arguments = new ArrayList<>(tun(divided));
    arguments.addAll(tun(whole, "--egress-tcp"));
    List<String> prefix = List.of("nsenter", "--net=" + file(middle));
    try (OxbowProcess gateway =
        OxbowProcess.gateway(folder, "g", OxbowProcess.builtJar(), prefix, arguments)) {
      gateway.awaitLog(file(divided) + "/tun0: carries what is not TCP from 203.0.113.7");
      gateway.awaitLog(file(whole) + "/tun0: carries everything from 203.0.113.7");
      EgressStage.in(divided, "ip route add default dev tun0");
      EgressStage.in(whole, "ip route add default dev tun0");
      try (DatagramSocket there = server.call(() -> new DatagramSocket(UDP));
          ServerSocket listener = server.call(() -> new ServerSocket(TCP));
          DatagramSocket one = divided.call(() -> new DatagramSocket(4000));
          DatagramSocket two = whole.call(() -> new DatagramSocket(4000))) {
        int first = ask(one, there);
        int second = ask(two, there);
        assertThat(List.of(first, second)).allMatch(port -> port >= 20_000 && port <= 20_999);
        assertThat(second).isNotEqualTo(first);
        assertThat(connect(divided, listener)).isEqualTo("198.51.100.1");
        assertThat(connect(whole, listener)).isEqualTo(EgressStage.OUTER);
        assertThat(divided.call(() -> host(EgressStage.SERVER).isReachable(PATIENCE_MS))).isTrue();
        assertThat(EgressStage.in(middle, "conntrack -L -p icmp")).contains("dst=203.0.113.7 ");

        gateway.upgrade();
        assertThat(ask(one, there)).isEqualTo(first);
        assertThat(ask(two, there)).isEqualTo(second);
        assertThat(connect(divided, listener)).isEqualTo("198.51.100.1");
      }
      gateway.stopServing();
    }
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
  }

  @Test
  void portsStayWhenItIsKilledAndStartedAgain() throws Exception {
    EgressStage.wire(middle, server);
    int port;
    try (DatagramSocket there = server.call(() -> new DatagramSocket(UDP));
        DatagramSocket here = divided.call(() -> new DatagramSocket(4000))) {
      try (OxbowProcess killed = started()) {
        port = ask(here, there);
        killed.kill();
      }
      assertThat(EgressStage.in(middle, "nft list ruleset")).contains("oxbow_fish0");
      try (OxbowProcess next = started()) {
        assertThat(ask(here, there)).isEqualTo(port);
        next.stopServing();
      }
    }
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
  }

  /** In the same runtime directory each time. */
  private OxbowProcess started() throws Exception {
    List<String> prefix = List.of("nsenter", "--net=" + file(middle));
    OxbowProcess gateway =
        OxbowProcess.gateway(folder, "g", OxbowProcess.builtJar(), prefix, tun(divided));
    gateway.awaitLog("GatewayProcess: carrying ");
    EgressStage.in(divided, "ip route add default dev tun0");
    return gateway;
  }

  private static InetAddress host(String address) throws IOException {
    return InetAddress.getByName(address);
  }

  /** The port that the server saw, who answers. */
  private static int ask(DatagramSocket here, DatagramSocket there) throws IOException {
    here.setSoTimeout(PATIENCE_MS);
    there.setSoTimeout(PATIENCE_MS);
    here.send(new DatagramPacket(new byte[1], 1, new InetSocketAddress(EgressStage.SERVER, UDP)));
    DatagramPacket asked = new DatagramPacket(new byte[9], 9);
    there.receive(asked);
    assertThat(asked.getAddress()).isEqualTo(host(EgressStage.OUTER));
    there.send(new DatagramPacket(new byte[2], 2, asked.getSocketAddress()));
    here.receive(new DatagramPacket(new byte[9], 9));
    return asked.getPort();
  }

  /** The address that the server saw; a byte went both ways. */
  private static String connect(Namespace tenant, ServerSocket listener) throws Exception {
    listener.setSoTimeout(PATIENCE_MS);
    try (Socket client = tenant.call(() -> new Socket(EgressStage.SERVER, TCP));
        Socket accepted = listener.accept()) {
      client.setSoTimeout(PATIENCE_MS);
      client.getOutputStream().write(7);
      assertThat(accepted.getInputStream().read()).isEqualTo(7);
      accepted.getOutputStream().write(8);
      assertThat(client.getInputStream().read()).isEqualTo(8);
      return accepted.getInetAddress().getHostAddress();
    }
  }
}

package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Programs that everybody has, unchanged, behind {@code oxbow gateway --egress}: DNS, ping,
 * traceroute and large datagrams, IPv4 and IPv6.
 */
@DescriptorLeaks
@RequiresRoot
class GatewayProgramsTest {
  private static final int PATIENCE_MS = 10_000;
  private static final String SERVER_6 = "fd99::9";
  private static final String OUTER_6 = "2001:db8:2::7";

  /** Longer than a packet, so that it comes in fragments. */
  private static final String LONG = "x".repeat(250);

  @TempDir Path folder;
  private final Namespace middle = Namespace.open();
  private final Namespace server = Namespace.open();
  private final Namespace tenant = Namespace.open();
  private Process dns;

  @BeforeEach
  void serve() throws IOException {
    for (String program : List.of("dig", "dnsmasq", "ping", "traceroute")) {
      boolean there =
          Stream.of("/usr/bin", "/usr/sbin", "/bin", "/sbin")
              .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
      assumeTrue(there, program + " is missing");
    }
    EgressStage.wire(middle, server);
    List<String> command = new ArrayList<>(inside(server));
    command.addAll(List.of("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null"));
    command.addAll(List.of("--user=root", "--no-resolv", "--no-hosts", "--bind-interfaces"));
    command.addAll(List.of("--listen-address=" + EgressStage.SERVER + "," + SERVER_6));
    command.addAll(List.of("--address=/name.test/192.0.2.5", "--edns-packet-max=4096"));
    command.addAll(List.of("--log-queries", "--log-facility=" + queries(), "--pid-file"));
    for (int i = 0; i < 10; i++) {
      command.add("--txt-record=long.test," + i + LONG);
    }
    dns =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("dnsmasq").toFile())
            .start();
    Await.until("dnsmasq listens", () -> Files.exists(queries()) && log().contains("started"));
  }

  @AfterEach
  void end() throws InterruptedException {
    if (dns != null) {
      dns.destroyForcibly().waitFor();
    }
    for (Namespace namespace : new Namespace[] {tenant, server, middle}) {
      namespace.close();
    }
  }

  private Path queries() {
    return folder.resolve("queries");
  }

  private String log() {
    try {
      return Files.readString(queries());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String file(Namespace namespace) {
    return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.descriptor().fd();
  }

  private static List<String> inside(Namespace namespace) {
    return List.of("nsenter", "--net=" + file(namespace));
  }

  private OxbowProcess gateway(String... more) throws IOException {
    List<String> options = new ArrayList<>(List.of("--tun", "tun0", "--netns", file(tenant)));
    options.addAll(List.of("--address", "10.7.0.2/24", "--address", "fd07::2/64"));
    options.addAll(List.of("--egress", EgressStage.OUTER + ":20000-20999"));
    options.addAll(List.of("--egress", "[" + OUTER_6 + "]:20000-20999"));
    options.addAll(List.of(more));
    return OxbowProcess.gateway(folder, "g", OxbowProcess.builtJar(), inside(middle), options);
  }

  /** What a program printed that ended well. */
  private String run(String... words) throws Exception {
    List<String> command = new ArrayList<>(inside(tenant));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(String.join(" ", words) + ": " + said).isZero();
    return said;
  }

  private void route() {
    EgressStage.in(
        tenant, "ip route add default dev tun0", "ip -6 route add default dev tun0 metric 1");
  }

  /** All that is not TCP works; who asked was one of the slice. */
  private void assertProgramsWork() throws Exception {
    for (String to : List.of(EgressStage.SERVER, SERVER_6)) {
      String outer = to.equals(SERVER_6) ? OUTER_6 : EgressStage.OUTER;
      String[] dig = {"dig", "+tries=1", "+time=5", "+short", "@" + to, "name.test"};
      assertThat(run(dig)).isEqualTo("192.0.2.5\n");
      assertThat(log()).contains("name.test from " + outer);
      String[] large = {
        "dig",
        "+tries=1",
        "+time=5",
        "+short",
        "+bufsize=4096",
        "+ignore",
        "@" + to,
        "TXT",
        "long.test"
      };
      assertThat(run(large).lines()).hasSize(10).allMatch(line -> line.contains(LONG));
      String[] overTcp = {"dig", "+tcp", "+tries=1", "+time=5", "+short", "@" + to, "name.test"};
      assertThat(run(overTcp)).isEqualTo("192.0.2.5\n");
      assertThat(run("ping", "-c", "3", "-i", "0.2", "-W", "5", to)).contains(" 0% packet loss");
      assertThat(run("ping", "-c", "2", "-i", "0.2", "-W", "5", "-s", "3000", to))
          .contains(" 0% packet loss");
      String[] trace = {"traceroute", "-n", "-w", "2", "-q", "2", "-m", "5", to};
      assertReached(run(trace), to);
      String[] byEcho = {"traceroute", "-I", "-n", "-w", "2", "-q", "2", "-m", "5", to};
      assertReached(run(byEcho), to);
      assertThat(echoed(to, 9000)).isEqualTo(outer);
      assertThat(echoed(to, 1350)).isEqualTo(outer);
    }
  }

  /** The last hop that traceroute shows is the server, and not by giving up. */
  private static void assertReached(String trace, String server) {
    List<String> hops = trace.strip().lines().toList();
    assertThat(hops.get(hops.size() - 1)).as(trace).contains(" " + server + " ", " ms");
    assertThat(hops).hasSizeLessThan(6);
  }

  /** A datagram goes there and comes back as it was; the address that the server saw. */
  private String echoed(String to, int bytes) throws IOException {
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    try (DatagramSocket there =
            server.call(() -> new DatagramSocket(new InetSocketAddress(to, 443)));
        DatagramSocket here = tenant.call(() -> new DatagramSocket())) {
      there.setSoTimeout(PATIENCE_MS);
      here.setSoTimeout(PATIENCE_MS);
      here.send(new DatagramPacket(sent, bytes, InetAddress.getByName(to), 443));
      DatagramPacket asked = new DatagramPacket(new byte[10_000], 10_000);
      there.receive(asked);
      assertThat(asked.getPort()).isBetween(20_000, 20_999);
      there.send(new DatagramPacket(asked.getData(), asked.getLength(), asked.getSocketAddress()));
      DatagramPacket answer = new DatagramPacket(new byte[10_000], 10_000);
      here.receive(answer);
      assertThat(Arrays.equals(Arrays.copyOf(answer.getData(), answer.getLength()), sent)).isTrue();
      String host = asked.getAddress().getHostAddress();
      return host.equals("2001:db8:2:0:0:0:0:7") ? OUTER_6 : host;
    }
  }

  @Test
  void programsWorkBehindAFishOfTheGatewaysOwn() throws Exception {
    try (OxbowProcess gateway = gateway()) {
      gateway.awaitLog("/tun0: carries what is not TCP from " + EgressStage.OUTER);
      route();
      assertProgramsWork();
      gateway.upgrade();
      assertProgramsWork();
      gateway.stopServing();
    }
  }

  @Test
  void programsWorkWithTcpFromTheSliceBehindAServiceOfItsOwn() throws Exception {
    String sections =
        """
        fish:
          egress:
            - {address: 203.0.113.7, ports: 20000-20999}
            - {address: '2001:db8:2::7', ports: 20000-20999}
        """;
    Path jar = OxbowProcess.builtJar();
    try (OxbowProcess service =
        OxbowProcess.start(folder, "f", sections, jar, inside(middle), Map.of()).awaitServing()) {
      String socket = service.runtimeDir().resolve("fish.sock").toString();
      try (OxbowProcess gateway = gateway("--egress-tcp", "--fish", socket)) {
        gateway.awaitLog("/tun0: carries everything from " + EgressStage.OUTER);
        route();
        assertProgramsWork();
        String before = log();
        String[] dig = {"dig", "+tcp", "+tries=1", "+time=5", "+short", "@" + SERVER_6, "a.test"};
        run(dig);
        assertThat(log().substring(before.length())).contains("a.test from " + OUTER_6);
        service.upgrade();
        assertProgramsWork();
        gateway.stopServing();
      }
      service.stopServing();
    }
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
  }
}

package dev.oxbow.bumblebee.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.FlowBridge;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A client that is reached through a router whose link takes less than the flow: path MTU discovery
 * (RFC 1191, RFC 8201) by real kernels on all sides.
 */
@RequiresRoot
@DescriptorLeaks
class NarrowLinkTest {
  private static final int MTU = 1500;
  private static final int NARROW = 1400;
  private static final int BYTES = 2 << 20;

  /** The client behind the router, which is a network whose tun is the flow. */
  private static Namespace client(Namespace router) {
    Namespace client = Namespace.open();
    try {
      long pid = ProcessHandle.current().pid();
      String there = "/proc/" + pid + "/fd/" + client.descriptor().fd();
      router.call(
          () -> {
            Files.writeString(Path.of("/proc/sys/net/ipv4/ip_forward"), "1");
            Files.writeString(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
            return run(
                "ip link add r0 mtu "
                    + NARROW
                    + " type veth peer name c1 mtu "
                    + MTU
                    + " netns "
                    + there
                    + " && ip address add 192.168.7.1/24 dev r0"
                    + " && ip address add fd00:7::1/64 dev r0 nodad && ip link set r0 up");
          });
      client.call(
          () ->
              run(
                  "ip address add 192.168.7.2/24 dev c1"
                      + " && ip address add fd00:7::2/64 dev c1 nodad && ip link set c1 up"
                      + " && ip route add default via 192.168.7.1"
                      + " && ip -6 route add default via fd00:7::1"));
      return client;
    } catch (RuntimeException | Error e) {
      client.close();
      throw e;
    }
  }

  private static String run(String command) throws Exception {
    Process process = new ProcessBuilder("sh", "-c", command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  @ParameterizedTest
  @CsvSource({
    "TUN_VNET,10.9.9.9",
    "TUN_VNET,2001:db8:1::9",
    "SEQPACKET,10.9.9.9",
    "SEQPACKET,2001:db8:1::9"
  })
  void senderLearnsWhatTheLinkTakes(FlowBridge.Kind kind, String destination) {
    try (PlaneStage stage = new PlaneStage();
        ClientNetwork router = new ClientNetwork(MTU, kind.vnetHdr);
        Namespace behind = client(router.namespace());
        FlowEnd end = new FlowEnd(router, kind)) {
      PlaneStage.Told told = stage.open(end.spec(1, MTU));
      try (TestPeer client =
              ClientNetwork.connected(
                  behind.call(
                      () -> ClientNetwork.connect(InetAddress.getByName(destination), 443, 0)));
          TestPeer server = told.nextPeer()) {
        // The handshake told nothing of it: both ends offered what fits into 1,500 bytes.
        assertThat(pathMtu(server)).isEqualTo(MTU);
        byte[] bytes = new byte[BYTES];
        new Random(9).nextBytes(bytes);
        CompletableFuture<Void> written =
            CompletableFuture.runAsync(() -> server.write(bytes), task -> new Thread(task).start());
        assertThat(client.read(BYTES)).isEqualTo(bytes);
        written.join();
        assertThat(pathMtu(server)).isEqualTo(NARROW);
      }
      // But for what a router says by itself: which groups it has joined (RFC 3810).
      assertThat(told.end().packets().dropped().keySet()).isSubsetOf("not-tcp");
    }
  }

  private static long pathMtu(TestPeer peer) {
    NativeMemory info = NativeMemory.allocate(512);
    int length = Sockets.tcpInfo(peer.fd(), info);
    return new TcpInfo(info.bytes(0, length)).get("pmtu");
  }
}

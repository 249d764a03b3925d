package dev.oxbow.fdpassing.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@RequiresRoot
@DescriptorLeaks
class TunTest {
  private static final int PATIENCE_SECONDS = 10;
  private static final Path INTERFACES = Path.of("/proc/thread-self/net/dev");

  private static List<String> names() throws IOException {
    return Files.readAllLines(INTERFACES).stream()
        .filter(line -> line.contains(":"))
        .map(line -> line.substring(0, line.indexOf(':')).strip())
        .toList();
  }

  @Test
  void namespaceIsAnotherOneAndOnlyForItsThread() throws IOException {
    try (Namespace namespace = Namespace.open()) {
      List<String> before = names();
      assertThat(namespace.<List<String>>call(TunTest::names)).containsExactly("lo");
      try (Tun tun = namespace.call(() -> Tun.open("x0", false))) {
        assertThat(tun.name()).isEqualTo("x0");
        assertThat(namespace.<List<String>>call(TunTest::names)).contains("lo", "x0");
        assertThat(names()).isEqualTo(before);
        try (Namespace same = Namespace.adopt(namespace.descriptor().duplicate())) {
          assertThat(same.<List<String>>call(TunTest::names)).contains("x0");
        }
      }
    }
  }

  @Test
  void failureInsideIsTheCallersAndTheThreadGoesOn() {
    try (Namespace namespace = Namespace.open()) {
      assertThatThrownBy(() -> namespace.call(() -> Tun.open("a name that is too long", false)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(namespace.<List<String>>call(TunTest::names)).containsExactly("lo");
    }
  }

  @Test
  void whatIsNoNamespaceIsToldAndClosed() throws IOException {
    Descriptor file = Descriptor.adopt(Syscalls.open("/etc/passwd", Syscalls.O_RDONLY, 0));
    try (Namespace none = Namespace.adopt(file)) {
      assertThatThrownBy(() -> none.submit(TunTest::names).get(PATIENCE_SECONDS, TimeUnit.SECONDS))
          .hasCauseInstanceOf(LinuxException.class)
          .hasMessageContaining("setns")
          .hasMessageContaining("EINVAL");
    }
    Await.until("the file is closed", () -> !file.isOpen());
  }

  @Test
  void errorInsideIsTheCallersToo() {
    try (Namespace namespace = Namespace.open()) {
      assertThatThrownBy(
              () ->
                  namespace
                      .submit(
                          () -> {
                            throw new StackOverflowError("deep");
                          })
                      .get(PATIENCE_SECONDS, TimeUnit.SECONDS))
          .hasCauseInstanceOf(StackOverflowError.class);
      assertThat(namespace.<List<String>>call(TunTest::names)).containsExactly("lo");
    }
  }

  @Test
  void flagsTellWhatADescriptorIs() {
    try (Namespace namespace = Namespace.open();
        Tun plain = namespace.call(() -> Tun.open("x0", false));
        Tun offloading = namespace.call(() -> Tun.open("x1", true))) {
      assertThat(Tun.flags(plain.descriptor().fd())).isEqualTo(Tun.IFF_TUN | Tun.IFF_NO_PI);
      assertThat(Tun.flags(offloading.descriptor().fd()) & Tun.IFF_VNET_HDR).isNotZero();
      assertThat(Tun.vnetHdrBytes(offloading.descriptor().fd())).isEqualTo(Tun.VNET_HDR_BYTES);
      assertThat(offloading.offloads(Tun.TCP_OFFLOADS)).isTrue();
      assertThat(offloading.offloads(1 << 30)).isFalse();
      assertThat(Tun.flags(namespace.descriptor().fd())).isNegative();
    }
  }

  @Test
  void carriesPacketsOnceItIsUpAndHasAnAddress() {
    try (Namespace namespace = Namespace.open();
        Tun tun = namespace.call(() -> Tun.open("x0", false))) {
      namespace.call(
          () -> {
            try (Interfaces interfaces = Interfaces.open()) {
              interfaces.mtu("x0", 1400);
              interfaces.queueLength("x0", 100);
              interfaces.address4("x0", new byte[] {10, 0, 0, 1}, 24);
              interfaces.up("x0");
            }
            int type = Sockets.SOCK_DGRAM;
            try (Descriptor socket = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type))) {
              InetAddress other = InetAddress.getByAddress(new byte[] {10, 0, 0, 9});
              Sockets.connect(socket.fd(), Sockaddr.of(other, 53));
              NativeMemory bytes = NativeMemory.allocate(64);
              return Sockets.send(socket.fd(), bytes.address(), 5, 0);
            }
          });
      NativeMemory packet = NativeMemory.allocate(2000);
      NativeMemory vector = NativeMemory.allocate(Vectors.IOVEC_BYTES);
      vector.putLong(0, packet.address());
      vector.putLong(8, packet.size());
      int udp = 17;
      do {
        // IPv6 says something of its own when an interface goes up.
        assertThat(Vectors.readNow(tun.descriptor().fd(), vector.address(), 1)).isPositive();
      } while (packet.getByte(0) != 0x45 || packet.getByte(9) != udp);
      assertThat(packet.bytes(16, 4)).containsExactly(10, 0, 0, 9);
      long more;
      do {
        more = Vectors.readNow(tun.descriptor().fd(), vector.address(), 1);
      } while (more > 0);
      assertThat(more).isEqualTo(-Errno.EAGAIN);
    }
  }

  @Test
  void interfaceThatIsNotThereIsTold() {
    try (Namespace namespace = Namespace.open()) {
      assertThatThrownBy(
              () ->
                  namespace.call(
                      () -> {
                        try (Interfaces interfaces = Interfaces.open()) {
                          return interfaces.index("x0");
                        }
                      }))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("ENODEV");
    }
  }
}

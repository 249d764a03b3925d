package dev.oxbow.service.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.ControlOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.testing.StrangeThings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which descriptors carry packets, and what is said of the others. */
@DescriptorLeaks
@RequiresRoot
class FlowTest {
  private static final long TUNSETIFF = 0x400454caL;
  private static final long TUNSETVNETHDRSZ = 0x400454d8L;
  private static final int IFF_TAP = 2;
  private static final int IFF_TUN = 1;
  private static final int IFF_NO_PI = 0x1000;

  @TempDir Path directory;

  private FlowKind kind(int fd) {
    int flags = Syscalls.fcntl(fd, Syscalls.F_GETFL, 0);
    FlowKind kind = Flow.examine("flow", fd, directory).kind();
    assertThat(Syscalls.fcntl(fd, Syscalls.F_GETFL, 0)).isEqualTo(flags);
    return kind;
  }

  private String refusal(int fd) {
    RequestException refusal =
        catchThrowableOfType(RequestException.class, () -> Flow.examine("flow", fd, directory));
    assertThat(refusal.code()).isEqualTo(ErrorCode.BAD_DESCRIPTORS);
    return refusal.getMessage();
  }

  private static Descriptor[] pair(int type) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, type);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  /** A tun or tap in a namespace of its own, which ends with it. */
  private static Descriptor device(int flags) {
    try (Namespace namespace = Namespace.open()) {
      return namespace.call(
          () -> {
            int mode = Syscalls.O_RDWR | Syscalls.O_CLOEXEC;
            Descriptor device = Descriptor.adopt(Syscalls.open("/dev/net/tun", mode, 0));
            NativeMemory request = NativeMemory.allocate(40);
            request.putBytes(0, "flow0".getBytes(StandardCharsets.US_ASCII), 0, 5);
            request.putInt(16, flags);
            Syscalls.ioctl(device.fd(), TUNSETIFF, request.address());
            return device;
          });
    }
  }

  @Test
  void socketsWithMessageBoundariesAreFlowsAndStayAsTheyWere() {
    for (int type : new int[] {Sockets.SOCK_SEQPACKET, Sockets.SOCK_DGRAM}) {
      Descriptor[] ends = pair(type);
      try (Descriptor a = ends[0];
          Descriptor b = ends[1]) {
        FlowKind expected = type == Sockets.SOCK_DGRAM ? FlowKind.DGRAM : FlowKind.SEQPACKET;
        assertThat(kind(a.fd())).isEqualTo(expected);
        assertThat(kind(b.fd())).isEqualTo(expected);
      }
    }
  }

  @Test
  void tunsAreFlowsWithAndWithoutOffloads() {
    try (Descriptor plain = device(IFF_TUN | IFF_NO_PI);
        Descriptor offloading = device(IFF_TUN | IFF_NO_PI | Tun.IFF_VNET_HDR)) {
      assertThat(kind(plain.fd())).isEqualTo(FlowKind.TUN);
      assertThat(kind(offloading.fd())).isEqualTo(FlowKind.TUN_VNET);
    }
  }

  @Test
  void devicesThatCarrySomethingElseAreRefused() {
    try (Descriptor tap = device(IFF_TAP | IFF_NO_PI);
        Descriptor wide = device(IFF_TUN | IFF_NO_PI | Tun.IFF_VNET_HDR)) {
      NativeMemory size = NativeMemory.allocate(4);
      size.putInt(0, 12);
      Syscalls.ioctl(wide.fd(), TUNSETVNETHDRSZ, size.address());

      assertThat(refusal(tap.fd()))
          .isEqualTo("flow: a tap; it carries Ethernet frames, not IP packets");
      assertThat(refusal(wide.fd()))
          .isEqualTo(
              "flow: a tun with a virtio_net_hdr of 12 bytes (TUNSETVNETHDRSZ); expected 10");
    }
  }

  @Test
  void everyOtherKindOfDescriptorIsRefused() {
    Set<String> flows = Set.of("datagram", "seqpacket");
    try (StrangeThings things = StrangeThings.make(directory, "kinds.py")) {
      assertThat(things.byKind()).hasSizeGreaterThan(20).containsKey("tun without interface");
      for (Map.Entry<String, Descriptor> thing : things.byKind().entrySet()) {
        int fd = thing.getValue().fd();
        // The tun of the script is made without IFF_VNET_HDR and with IFF_NO_PI: a flow.
        if (flows.contains(thing.getKey()) || thing.getKey().equals("tun")) {
          assertThat(kind(fd)).isNotNull();
        } else {
          assertThat(refusal(fd)).as(thing.getKey()).startsWith("flow: ");
        }
      }
      assertThat(refusal(things.byKind().get("tun without interface").fd()))
          .isEqualTo("flow: a tun that has no device yet (TUNSETIFF)");
      assertThat(refusal(things.byKind().get("udp").fd()))
          .isEqualTo("flow: a socket that is not AF_UNIX");
      assertThat(refusal(things.byKind().get("memfd").fd()))
          .isEqualTo("flow: neither a packet socket nor a tun");
    }
  }

  @Test
  void fileThatHangsWhoeverAsksItIsRefusedAtOnce() {
    try (StrangeThings things = StrangeThings.make(directory, "hang.py")) {
      long begin = System.nanoTime();
      assertThat(refusal(things.byKind().get("fuse").fd()))
          .isEqualTo("flow: neither a packet socket nor a tun");
      assertThat((System.nanoTime() - begin) / 1_000_000).isLessThan(1000);
    }
  }

  @Test
  void endsOfControlConnectionsAreRefused() throws IOException {
    Path path = directory.resolve("bumblebee.sock");
    try (Descriptor listener = ControlSocket.listen(path, new ControlOptions());
        Descriptor client = UnixSockets.connect(path);
        Descriptor server = Descriptor.adopt(Sockets.accept(listener.fd()))) {
      String why = "flow: a control connection of this service; it carries no packets";
      assertThat(refusal(client.fd())).isEqualTo(why);
      assertThat(refusal(server.fd())).isEqualTo(why);
      assertThat(refusal(listener.fd())).isEqualTo("flow: listens; a connected socket is needed");
    }
  }

  @Test
  void sameFlowIsKnownByWhateverDescriptor() {
    Descriptor[] ends = pair(Sockets.SOCK_SEQPACKET);
    try (Descriptor a = ends[0];
        Descriptor b = ends[1];
        Descriptor again = a.duplicate();
        Descriptor tun = device(IFF_TUN | IFF_NO_PI);
        Descriptor tunAgain = tun.duplicate();
        Descriptor other = device(IFF_TUN | IFF_NO_PI)) {
      Flows flows = new Flows();
      flows.add(Flow.examine("flow", a.fd(), directory));
      flows.add(Flow.examine("flow", tun.fd(), directory));

      for (Descriptor known : new Descriptor[] {again, tunAgain}) {
        assertThat(
                catchThrowableOfType(
                    RequestException.class,
                    () -> flows.requireNew("flow", Flow.examine("flow", known.fd(), directory))))
            .hasMessage("flow: given before; a flow serves once at a time");
      }
      flows.requireNew("flow", Flow.examine("flow", b.fd(), directory));
      flows.requireNew("flow", Flow.examine("flow", other.fd(), directory));
      flows.remove(Flow.examine("flow", a.fd(), directory));
      flows.requireNew("flow", Flow.examine("flow", again.fd(), directory));
    }
  }
}

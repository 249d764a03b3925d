package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.TestPeer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A host in a namespace of its own, whose only way out is a tun: 10.0.0.2 and 2001:db8::2. What it
 * sends to 10.0.0.0/8 and 2001:db8::/32 comes out of the tun.
 */
public final class ClientNetwork implements AutoCloseable {
  private static final int TIMEOUT_MS = 10_000;
  private static final int QUEUE_PACKETS = 10_000;

  /** IFA_F_TENTATIVE, include/uapi/linux/if_addr.h. */
  private static final int TENTATIVE = 0x40;

  private final Namespace namespace = Namespace.open();
  private final Tun tun;

  public ClientNetwork(int mtu, boolean vnetHdr) {
    this.tun = namespace.call(() -> furnish(mtu, vnetHdr));
  }

  private static Tun furnish(int mtu, boolean vnetHdr) throws IOException {
    Files.writeString(Path.of("/proc/sys/net/ipv6/conf/default/accept_dad"), "0");
    Files.writeString(Path.of("/proc/sys/net/ipv6/conf/default/router_solicitations"), "0");
    Files.writeString(Path.of("/proc/sys/net/ipv6/conf/default/addr_gen_mode"), "1");
    Tun tun = Tun.open("c0", vnetHdr);
    try (Interfaces interfaces = Interfaces.open()) {
      if (vnetHdr) {
        tun.offloads(Tun.TCP_OFFLOADS);
      }
      interfaces.mtu("c0", mtu);
      interfaces.queueLength("c0", QUEUE_PACKETS);
      interfaces.address4("c0", InetAddress.getByName("10.0.0.2").getAddress(), 8);
      interfaces.up("c0");
      if (mtu >= Environment.MIN_MTU_6) {
        interfaces.address6("c0", InetAddress.getByName("2001:db8::2").getAddress(), 32);
        Await.until("the kernel has looked at the address", ClientNetwork::isUsable);
      }
      return tun;
    }
  }

  /** Without it a socket finds no address of its own; the flags are the fifth word. */
  private static boolean isUsable() {
    try {
      return Files.readAllLines(Path.of("/proc/thread-self/net/if_inet6")).stream()
          .map(line -> line.split("\\s+"))
          .anyMatch(
              words ->
                  words[0].startsWith("20010db8")
                      && (Integer.parseInt(words[4], 16) & TENTATIVE) == 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tun; owned by the network. */
  public Tun tun() {
    return tun;
  }

  /** The namespace; owned by this network. */
  Namespace namespace() {
    return namespace;
  }

  /** Begins to connect from a port of the client, or from any with 0. */
  public Descriptor connecting(String address, int port, int localPort) {
    return namespace.call(() -> connect(InetAddress.getByName(address), port, localPort));
  }

  /** As {@link #connecting}, in the namespace of the calling thread. */
  static Descriptor connect(InetAddress address, int port, int localPort)
      throws UnknownHostException {
    byte[] to = Sockaddr.of(address, port);
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    Descriptor socket = Descriptor.adopt(Sockets.socket(Sockaddr.family(to), type));
    if (localPort != 0) {
      boolean four = Sockaddr.family(to) == Sockets.AF_INET;
      InetAddress own = InetAddress.getByName(four ? "10.0.0.2" : "2001:db8::2");
      Sockets.bind(socket.fd(), Sockaddr.of(own, localPort));
    }
    Sockets.connect(socket.fd(), to);
    return socket;
  }

  /** Connects. */
  public TestPeer connect(String address, int port) {
    return connected(connecting(address, port, 0));
  }

  /** Waits until a connection stands. */
  public static TestPeer connected(Descriptor socket) {
    Sockets.poll(socket.fd(), Sockets.POLLOUT, TIMEOUT_MS);
    int error = Sockets.option(socket.fd(), Sockets.SOL_SOCKET, Sockets.SO_ERROR);
    if (error != 0 || Sockets.poll(socket.fd(), Sockets.POLLOUT, 0) == 0) {
      socket.close();
      throw new LinuxException("connect", error == 0 ? 110 : error);
    }
    return new TestPeer(socket);
  }

  /** Packets that the tun had no room for. */
  long dropped() {
    return namespace.call(() -> Population.transmitDropped("c"));
  }

  @Override
  public void close() {
    tun.close();
    namespace.close();
  }
}

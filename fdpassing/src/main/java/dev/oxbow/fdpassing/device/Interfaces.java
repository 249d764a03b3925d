package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.charset.StandardCharsets;

/**
 * Settings of network interfaces by ioctl(2), netdevice(7): for a few plain ones, where a dialogue
 * in netlink would be long. Belongs to the namespace of the thread that opened it; used from any,
 * one at a time. Each call waits for the kernel's lock on all interfaces: not on an event loop.
 */
public final class Interfaces implements AutoCloseable {
  // include/uapi/linux/sockios.h
  private static final long SIOCGIFFLAGS = 0x8913;
  private static final long SIOCSIFFLAGS = 0x8914;
  private static final long SIOCSIFADDR = 0x8916;
  private static final long SIOCSIFNETMASK = 0x891c;
  private static final long SIOCSIFMTU = 0x8922;
  private static final long SIOCGIFINDEX = 0x8933;
  private static final long SIOCSIFTXQLEN = 0x8943;

  private static final int IFF_UP = 1;
  private static final int IFNAMSIZ = 16;
  private static final int IFREQ_BYTES = 40;
  private static final int IN6_IFREQ_BYTES = 24;

  private final Descriptor socket4;
  private final Descriptor socket6;
  private final NativeMemory request = NativeMemory.allocate(IFREQ_BYTES);

  private Interfaces(Descriptor socket4, Descriptor socket6) {
    this.socket4 = socket4;
    this.socket6 = socket6;
  }

  /** Interfaces of the namespace that the calling thread is in. */
  public static Interfaces open() {
    Descriptor socket4 = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM));
    try {
      return new Interfaces(
          socket4, Descriptor.adopt(Sockets.socket(Sockets.AF_INET6, Sockets.SOCK_DGRAM)));
    } catch (RuntimeException e) {
      socket4.close();
      throw e;
    }
  }

  /** The number of an interface. */
  public int index(String name) {
    return get(SIOCGIFINDEX, name);
  }

  /** Largest packet that the kernel sends there, in bytes. */
  public void mtu(String name, int mtu) {
    set(SIOCSIFMTU, name, mtu);
  }

  /** Packets that may wait in its queue; a tun drops beyond that. */
  public void queueLength(String name, int packets) {
    set(SIOCSIFTXQLEN, name, packets);
  }

  /** Switches it on. */
  public void up(String name) {
    set(SIOCSIFFLAGS, name, (get(SIOCGIFFLAGS, name) & 0xffff) | IFF_UP);
  }

  /** Switches it off; its routes are gone with that, and its addresses of version 6. */
  public void down(String name) {
    set(SIOCSIFFLAGS, name, get(SIOCGIFFLAGS, name) & 0xffff & ~IFF_UP);
  }

  /** Gives it its address of version 4, with a route to the prefix that it is in. */
  public void address4(String name, byte[] address, int prefixBits) {
    setSockaddr(SIOCSIFADDR, name, address);
    int mask = prefixBits == 0 ? 0 : -1 << (32 - prefixBits);
    byte[] bytes = {(byte) (mask >> 24), (byte) (mask >> 16), (byte) (mask >> 8), (byte) mask};
    setSockaddr(SIOCSIFNETMASK, name, bytes);
  }

  /** Gives it an address of version 6, with a route to the prefix that it is in. */
  public void address6(String name, byte[] address, int prefixBits) {
    int index = index(name);
    NativeMemory argument = NativeMemory.allocate(IN6_IFREQ_BYTES);
    argument.putBytes(0, address, 0, 16);
    argument.putInt(16, prefixBits);
    argument.putInt(20, index);
    Syscalls.ioctl(socket6.fd(), SIOCSIFADDR, argument.address());
  }

  private void setSockaddr(long command, String name, byte[] address) {
    clear(name);
    request.putInt(IFNAMSIZ, Sockets.AF_INET);
    request.putBytes(IFNAMSIZ + 4, address, 0, 4);
    Syscalls.ioctl(socket4.fd(), command, request.address());
  }

  private int get(long command, String name) {
    clear(name);
    Syscalls.ioctl(socket4.fd(), command, request.address());
    return request.getInt(IFNAMSIZ);
  }

  private void set(long command, String name, int value) {
    clear(name);
    request.putInt(IFNAMSIZ, value);
    Syscalls.ioctl(socket4.fd(), command, request.address());
  }

  private void clear(String name) {
    byte[] bytes = new byte[IFREQ_BYTES];
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, bytes, 0, Math.min(text.length, IFNAMSIZ - 1));
    request.putBytes(0, bytes, 0, bytes.length);
  }

  @Override
  public void close() {
    socket4.close();
    socket6.close();
  }
}

package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.charset.StandardCharsets;

/**
 * A tun without packet information, tun(4) (Documentation/networking/tuntap.rst): each read is a
 * packet that the kernel sends, each write one that it receives. It is gone when its last
 * descriptor is closed, which may take tens of milliseconds: not on an event loop.
 *
 * @param descriptor owned by this object
 * @param name of its interface
 */
public record Tun(Descriptor descriptor, String name) implements AutoCloseable {

  // include/uapi/linux/if_tun.h
  public static final int IFF_TUN = 0x1;
  public static final int IFF_TAP = 0x2;
  public static final int IFF_NO_PI = 0x1000;
  public static final int IFF_VNET_HDR = 0x4000;
  public static final int TUN_F_CSUM = 0x01;
  public static final int TUN_F_TSO4 = 0x02;
  public static final int TUN_F_TSO6 = 0x04;
  public static final int TUN_F_USO4 = 0x20;
  public static final int TUN_F_USO6 = 0x40;

  /** Checksums may be unfinished and TCP packets up to 64 KiB long, both ways. */
  public static final int TCP_OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

  /** The same for UDP; since Linux 6.2, and both versions or none. */
  public static final int UDP_OFFLOADS = TUN_F_USO4 | TUN_F_USO6;

  /** Size of struct virtio_net_hdr unless TUNSETVNETHDRSZ says otherwise. */
  public static final int VNET_HDR_BYTES = 10;

  private static final String DEVICE = "/dev/net/tun";
  private static final int IFNAMSIZ = 16;
  private static final int IFREQ_BYTES = 40;
  private static final int PROBE_BYTES = 2048;
  private static final long TUNSETIFF = 0x400454caL;
  private static final long TUNSETOFFLOAD = 0x400454d0L;
  private static final long TUNGETIFF = 0x800454d2L;
  private static final long TUNGETVNETHDRSZ = 0x800454d7L;

  /**
   * Makes a tun in the namespace of the calling thread; non-blocking, and down.
   *
   * @param name of its interface, at most 15 characters
   * @param vnetHdr whether packets begin with a struct virtio_net_hdr
   * @throws LinuxException {@code open} ENOENT without /dev/net/tun, {@code ioctl} EPERM without
   *     CAP_NET_ADMIN
   */
  public static Tun open(String name, boolean vnetHdr) {
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    if (text.length == 0 || text.length >= IFNAMSIZ) {
      throw new IllegalArgumentException("not a name for an interface: " + name);
    }
    int mode = Syscalls.O_RDWR | Syscalls.O_NONBLOCK | Syscalls.O_CLOEXEC;
    Descriptor descriptor = Descriptor.adopt(Syscalls.open(DEVICE, mode, 0));
    try {
      NativeMemory request = NativeMemory.allocate(IFREQ_BYTES);
      request.putBytes(0, text, 0, text.length);
      int flags = IFF_TUN | IFF_NO_PI | (vnetHdr ? IFF_VNET_HDR : 0);
      request.putInt(IFNAMSIZ, flags);
      Syscalls.ioctl(descriptor.fd(), TUNSETIFF, request.address());
      return adopt(descriptor);
    } catch (RuntimeException e) {
      descriptor.close();
      throw e;
    }
  }

  /**
   * Takes over a tun, whatever its namespace.
   *
   * @param descriptor owned by this object, unless this throws
   * @throws LinuxException when it is none
   */
  public static Tun adopt(Descriptor descriptor) {
    NativeMemory request = NativeMemory.allocate(IFREQ_BYTES);
    Syscalls.ioctl(descriptor.fd(), TUNGETIFF, request.address());
    byte[] name = request.bytes(0, IFNAMSIZ);
    int length = 0;
    while (length < IFNAMSIZ && name[length] != 0) {
      length++;
    }
    return new Tun(descriptor, new String(name, 0, length, StandardCharsets.US_ASCII));
  }

  /**
   * IFF_ flags of a descriptor of unknown origin (TUNGETIFF); negative when it is neither tun nor
   * tap. Asks nothing that blocks.
   */
  public static int flags(int fd) {
    NativeMemory request = NativeMemory.allocate(IFREQ_BYTES);
    int result = Syscalls.tryIoctl(fd, TUNGETIFF, request.address());
    return result < 0 ? result : request.getInt(IFNAMSIZ) & 0xffff;
  }

  /** How many bytes stand before each packet of a tun with IFF_VNET_HDR: 10 or more. */
  public static int vnetHdrBytes(int fd) {
    NativeMemory size = NativeMemory.allocate(Integer.BYTES);
    Syscalls.ioctl(fd, TUNGETVNETHDRSZ, size.address());
    return size.getInt(0);
  }

  /**
   * Tells the kernel which packets this side takes unfinished (TUNSETOFFLOAD); those that it gives
   * may be so in any case.
   *
   * @param flags {@link #TCP_OFFLOADS}, {@link #UDP_OFFLOADS}
   * @return false when this kernel does not know one of them; nothing has changed then
   */
  public boolean offloads(int flags) {
    int result = Syscalls.tryIoctl(descriptor.fd(), TUNSETOFFLOAD, flags);
    if (result < 0 && result != -Errno.EINVAL) {
      throw new LinuxException("ioctl", -result);
    }
    return result >= 0;
  }

  /**
   * Has this side take all unfinished packets that this kernel knows: those of TCP at least.
   *
   * @return {@link #TCP_OFFLOADS}, with {@link #UDP_OFFLOADS} where there are those
   * @throws LinuxException {@code ioctl} EINVAL when there are none
   */
  public int allOffloads() {
    int all = TCP_OFFLOADS | UDP_OFFLOADS;
    if (offloads(all)) {
      return all;
    }
    if (offloads(TCP_OFFLOADS)) {
      return TCP_OFFLOADS;
    }
    throw new LinuxException("ioctl", Errno.EINVAL);
  }

  /**
   * Whether this kernel can read and write a tun without waiting whatever the flags of its open
   * file description say (RWF_NOWAIT): since Linux 6.4. Takes a packet out if there is one.
   */
  public boolean neverWaits() {
    NativeMemory packet = NativeMemory.allocate(PROBE_BYTES);
    NativeMemory vector = NativeMemory.allocate(Vectors.IOVEC_BYTES);
    vector.putLong(0, packet.address());
    vector.putLong(Long.BYTES, packet.size());
    long n = Vectors.readNow(descriptor.fd(), vector.address(), 1);
    if (n < 0 && n != -Errno.EAGAIN && n != -Errno.EOPNOTSUPP) {
      throw new LinuxException("preadv2", (int) -n);
    }
    return n != -Errno.EOPNOTSUPP;
  }

  @Override
  public void close() {
    descriptor.close();
  }
}

package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The owner of a netlink socket, netlink(7): non-blocking, close-on-exec, connected to the kernel
 * so that nobody else can send to it. It belongs for life to the network namespace of the thread
 * that opened it. One thread at a time.
 */
public final class NetlinkSocket implements AutoCloseable {

  // include/uapi/linux/netlink.h
  public static final int NETLINK_ROUTE = 0;
  public static final int NETLINK_SOCK_DIAG = 4;
  public static final int NETLINK_NETFILTER = 12;

  /** A datagram of the kernel is not longer (NLMSG_GOODSIZE, and 32 KiB for dumps). */
  public static final int DATAGRAM_BYTES = 64 * 1024;

  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW = 3;
  private static final int SO_SNDBUF = 7;
  private static final int SO_RCVBUF = 8;
  private static final int SO_SNDBUFFORCE = 32;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_ADD_MEMBERSHIP = 1;
  private static final int NETLINK_CAP_ACK = 10;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int NETLINK_GET_STRICT_CHK = 12;
  private static final int SEND_BUFFER_BYTES = 1 << 20;

  private final Descriptor descriptor;

  private NetlinkSocket(Descriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Opens one in the calling thread's network namespace, with extended acknowledgements.
   *
   * @param protocol NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER
   * @param receiveBufferBytes what the kernel may hold for us before it drops answers and events;
   *     without CAP_NET_ADMIN net.core.rmem_max bounds it
   */
  public static NetlinkSocket open(int protocol, int receiveBufferBytes) {
    int type = SOCK_RAW | Sockets.SOCK_NONBLOCK;
    NetlinkSocket socket = adopt(Descriptor.adopt(Sockets.socket(AF_NETLINK, type, protocol)));
    try {
      int fd = socket.fd();
      enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, receiveBufferBytes);
      enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER_BYTES);
      Sockets.setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      Sockets.setOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      if (protocol == NETLINK_ROUTE) {
        Sockets.setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      }
      // Port id 0 is the kernel's; connecting gives us a port id, too.
      ByteBuffer kernel = ByteBuffer.allocate(12).order(ByteOrder.nativeOrder());
      Sockets.connect(fd, kernel.putShort(0, (short) AF_NETLINK).array());
      return socket;
    } catch (RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /** Takes over one that was opened elsewhere, with all that was set on it. */
  public static NetlinkSocket adopt(Descriptor descriptor) {
    return new NetlinkSocket(descriptor);
  }

  /** Its number; still owned by this object. */
  public int fd() {
    return descriptor.fd();
  }

  /** Gives the number away; this object is dead then. */
  public int release() {
    return descriptor.release();
  }

  /** Joins a multicast group, such as RTNLGRP_LINK; its events come as datagrams. */
  public void join(int group) {
    Sockets.setOption(fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  }

  /**
   * Sends messages to the kernel, which works on them before this returns.
   *
   * @param address of the first message; each begins at a multiple of 4 behind it
   */
  public void send(long address, int length) {
    long sent = Sockets.send(fd(), address, length, Sockets.MSG_DONTWAIT);
    if (sent != length) {
      // Datagrams go whole or not at all; the way to the kernel is never full.
      throw new LinuxException("send", Errno.EAGAIN);
    }
  }

  /**
   * Takes one datagram from the kernel without waiting.
   *
   * @param into room for {@link #DATAGRAM_BYTES}
   * @return its length, or {@link Syscalls#AGAIN}
   * @throws LinuxException ENOBUFS when the kernel has dropped some because we did not take them;
   *     those that remain can still be received. EMSGSIZE when there was too little room
   */
  public int receive(NativeMemory into) {
    int flags = Sockets.MSG_DONTWAIT | Sockets.MSG_TRUNC;
    long n = Sockets.recv(fd(), into.address(), into.size(), flags);
    if (n > into.size()) {
      throw new LinuxException("recv", Errno.EMSGSIZE);
    }
    return (int) n;
  }

  /** Closes the socket. Idempotent. */
  @Override
  public void close() {
    descriptor.close();
  }

  @Override
  public String toString() {
    return "netlink " + descriptor;
  }

  private static void enlarge(int fd, int force, int ordinary, int bytes) {
    try {
      Sockets.setOption(fd, Sockets.SOL_SOCKET, force, bytes);
    } catch (LinuxException e) {
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
      Sockets.setOption(fd, Sockets.SOL_SOCKET, ordinary, bytes);
    }
  }
}

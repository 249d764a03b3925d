package dev.oxbow.codecs.netlink;

import java.nio.ByteBuffer;

/**
 * Reads struct inet_diag_msg in place: an answer to a dump, or the event that a socket is gone
 * (which comes when it is destroyed; a TCP connection may go on in TIME_WAIT without it).
 *
 * <pre>
 * 0 family  1 state  2 timer  3 retrans
 * 4 sport  6 dport  8 src  24 dst  40 if  44 cookie  52 expires  56 rqueue  60 wqueue  64 uid
 * 68 inode
 * </pre>
 */
public final class SocketReader {
  private static final int BYTES = 72;

  private ByteBuffer in = ByteBuffer.allocate(0);
  private int at;

  /**
   * Stands on the message that a reader stands on, and reads it as long as its buffer holds it.
   *
   * @throws NetlinkException when it is malformed or of another family than IPv4 and IPv6
   */
  public SocketReader read(NetlinkReader message) {
    at = message.body("inet_diag_msg", BYTES);
    in = message.buffer();
    if (family() != RouteMessages.AF_INET && family() != RouteMessages.AF_INET6) {
      throw new NetlinkException("idiag_family " + family());
    }
    return this;
  }

  /** AF_INET or AF_INET6. */
  public int family() {
    return in.get(at) & 0xff;
  }

  /** TCP_ESTABLISHED and so on of {@link SocketMessages}. */
  public int state() {
    return in.get(at + 1) & 0xff;
  }

  /** This machine's port. */
  public int localPort() {
    return be16(at + 4);
  }

  /** The peer's port; 0 without peer. */
  public int remotePort() {
    return be16(at + 6);
  }

  /** A byte of this machine's address: 0 to 3, for IPv6 to 15. */
  public byte localAddress(int i) {
    return in.get(at + 8 + i);
  }

  /** A byte of the peer's address. */
  public byte remoteAddress(int i) {
    return in.get(at + 24 + i);
  }

  /** Four bytes of this machine's address as a number, big-endian: 0, for IPv6 0 to 3. */
  public int localWord(int i) {
    return be16(at + 8 + 4 * i) << 16 | be16(at + 10 + 4 * i);
  }

  /** Four bytes of the peer's address as a number, big-endian. */
  public int remoteWord(int i) {
    return be16(at + 24 + 4 * i) << 16 | be16(at + 26 + 4 * i);
  }

  /** SO_COOKIE of the socket. */
  public long cookie() {
    return (in.getInt(at + 44) & 0xffffffffL) | ((long) in.getInt(at + 48) << 32);
  }

  /** The owner's uid. */
  public int uid() {
    return in.getInt(at + 64);
  }

  /** 0 when no descriptor refers to it any more. */
  public int inode() {
    return in.getInt(at + 68);
  }

  private int be16(int offset) {
    return (in.get(offset) & 0xff) << 8 | (in.get(offset + 1) & 0xff);
  }
}

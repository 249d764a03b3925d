package dev.oxbow.codecs.netlink;

import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_DUMP;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_REQUEST;

/**
 * Requests to sock_diag(7).
 *
 * <pre>
 * struct inet_diag_req_v2   0 family  1 protocol  2 ext  4 states
 * struct inet_diag_sockid   8 sport  10 dport  12 src  28 dst  44 if  48 cookie
 * </pre>
 */
public final class SocketMessages {

  // include/uapi/linux/sock_diag.h: type of requests, answers and events; multicast groups
  public static final int SOCK_DIAG_BY_FAMILY = 20;
  public static final int SOCK_DESTROY = 21;
  public static final int SKNLGRP_INET_TCP_DESTROY = 1;
  public static final int SKNLGRP_INET_UDP_DESTROY = 2;
  public static final int SKNLGRP_INET6_TCP_DESTROY = 3;
  public static final int SKNLGRP_INET6_UDP_DESTROY = 4;

  // include/net/tcp_states.h
  public static final int TCP_ESTABLISHED = 1;
  public static final int TCP_SYN_SENT = 2;
  public static final int TCP_SYN_RECV = 3;
  public static final int TCP_FIN_WAIT1 = 4;
  public static final int TCP_FIN_WAIT2 = 5;
  public static final int TCP_TIME_WAIT = 6;
  public static final int TCP_CLOSE = 7;
  public static final int TCP_CLOSE_WAIT = 8;
  public static final int TCP_LAST_ACK = 9;
  public static final int TCP_LISTEN = 10;
  public static final int TCP_CLOSING = 11;
  public static final int TCP_NEW_SYN_RECV = 12;

  /** All states that a socket can be in. */
  public static final int ALL_STATES = (1 << (TCP_NEW_SYN_RECV + 1)) - 2;

  private static final int SOCKID_BYTES = 48;
  private static final int IPPROTO_TCP = 6;

  // include/uapi/linux/inet_diag.h
  private static final long INET_DIAG_NOCOOKIE = -1;

  private SocketMessages() {}

  /**
   * Asks for one TCP connection, see {@link SocketReader}. Where there is none the kernel answers
   * with a listener on the local address, or with ENOENT.
   *
   * @param family AF_INET or AF_INET6
   * @param local this machine's address, 4 or 16 bytes
   * @param remote the peer's address
   */
  public static void find(
      NetlinkWriter out, int family, byte[] local, int localPort, byte[] remote, int remotePort) {
    begin(out, SOCK_DIAG_BY_FAMILY, family);
    id(out, local, localPort, remote, remotePort, INET_DIAG_NOCOOKIE);
  }

  /**
   * Asks to end a TCP connection as if it had been reset (CONFIG_INET_DIAG_DESTROY); needs
   * CAP_NET_ADMIN. Acknowledged with ENOENT when there is none.
   *
   * @param cookie of the very socket: without it, and without such a connection, the kernel would
   *     end a listener on the local address instead
   */
  public static void destroy(
      NetlinkWriter out,
      int family,
      byte[] local,
      int localPort,
      byte[] remote,
      int remotePort,
      long cookie) {
    begin(out, SOCK_DESTROY, family);
    id(out, local, localPort, remote, remotePort, cookie);
  }

  private static void begin(NetlinkWriter out, int type, int family) {
    out.begin(type, NLM_F_REQUEST | NetlinkWriter.NLM_F_ACK);
    out.putByte(family).putByte(IPPROTO_TCP).zeros(2).putInt(ALL_STATES);
  }

  /** Of any interface. */
  private static void id(
      NetlinkWriter out, byte[] local, int localPort, byte[] remote, int remotePort, long cookie) {
    out.putByte(localPort >> 8).putByte(localPort).putByte(remotePort >> 8).putByte(remotePort);
    address(out, local);
    address(out, remote);
    out.putInt(0).putInt((int) cookie).putInt((int) (cookie >>> 32)).end();
  }

  private static void address(NetlinkWriter out, byte[] bytes) {
    for (byte value : bytes) {
      out.putByte(value);
    }
    out.zeros(16 - bytes.length);
  }

  /**
   * Asks for the sockets of this network namespace, see {@link SocketReader}. Sockets in TIME_WAIT
   * and half-open ones are among them if their states are asked for.
   *
   * @param family AF_INET or AF_INET6
   * @param protocol IPPROTO_TCP or IPPROTO_UDP (there TCP_ESTABLISHED is connected, TCP_CLOSE not)
   * @param states a bit {@code 1 << state} for each that is wanted
   */
  public static void dump(NetlinkWriter out, int family, int protocol, int states) {
    out.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
    out.putByte(family).putByte(protocol).zeros(2).putInt(states).zeros(SOCKID_BYTES).end();
  }
}

package dev.oxbow.codecs.netlink;

import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_ACK;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_CREATE;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_DUMP;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_EXCL;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_REQUEST;

import org.jspecify.annotations.Nullable;

/**
 * Requests to ctnetlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h) about translated
 * connections. Each method appends one whole message. Numbers are big-endian, but for CTA_FILTER.
 *
 * <pre>
 * struct nfgenmsg   0 family  1 version (0)  2 resource id (0, big-endian)
 * </pre>
 *
 * <p>The kernel decides atomically who has a five-tuple: an insertion whose tuple, in either
 * direction and after translation, belongs to another connection is answered with EEXIST.
 */
public final class ConntrackMessages {

  /** Message types: NFNL_SUBSYS_CTNETLINK in the upper byte. */
  public static final int IPCTNL_MSG_CT_NEW = 0x100;

  public static final int IPCTNL_MSG_CT_GET = 0x101;
  public static final int IPCTNL_MSG_CT_DELETE = 0x102;

  // Multicast groups: enum nfnetlink_groups of include/uapi/linux/netfilter/nfnetlink.h
  public static final int NFNLGRP_CONNTRACK_NEW = 1;
  public static final int NFNLGRP_CONNTRACK_UPDATE = 2;
  public static final int NFNLGRP_CONNTRACK_DESTROY = 3;

  // include/uapi/linux/netfilter/nf_conntrack_common.h
  public static final int IPS_SEEN_REPLY = 1 << 1;
  public static final int IPS_ASSURED = 1 << 2;
  public static final int IPS_CONFIRMED = 1 << 3;
  public static final int IPS_SRC_NAT = 1 << 4;

  // include/uapi/linux/netfilter/nf_conntrack_tcp.h
  public static final int TCP_CONNTRACK_NONE = 0;
  public static final int TCP_CONNTRACK_SYN_SENT = 1;
  public static final int TCP_CONNTRACK_SYN_RECV = 2;
  public static final int TCP_CONNTRACK_ESTABLISHED = 3;
  public static final int TCP_CONNTRACK_FIN_WAIT = 4;
  public static final int TCP_CONNTRACK_CLOSE_WAIT = 5;
  public static final int TCP_CONNTRACK_LAST_ACK = 6;
  public static final int TCP_CONNTRACK_TIME_WAIT = 7;
  public static final int TCP_CONNTRACK_CLOSE = 8;
  public static final int IP_CT_TCP_FLAG_WINDOW_SCALE = 0x01;
  public static final int IP_CT_TCP_FLAG_SACK_PERM = 0x02;
  public static final int IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;

  static final int NFGENMSG_BYTES = 4;
  static final int CTA_TUPLE_ORIG = 1;
  static final int CTA_TUPLE_REPLY = 2;
  static final int CTA_STATUS = 3;
  static final int CTA_PROTOINFO = 4;
  static final int CTA_NAT_SRC = 6;
  static final int CTA_TIMEOUT = 7;
  static final int CTA_MARK = 8;
  static final int CTA_ID = 12;
  static final int CTA_MARK_MASK = 21;
  static final int CTA_FILTER = 25;
  static final int CTA_PROTOINFO_TCP = 1;
  static final int CTA_PROTOINFO_TCP_STATE = 1;
  static final int CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2;
  static final int CTA_PROTOINFO_TCP_WSCALE_REPLY = 3;
  static final int CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
  static final int CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

  private static final int CTA_NAT_V4_MINIP = 1;
  private static final int CTA_NAT_PROTO = 3;
  private static final int CTA_NAT_V6_MINIP = 4;
  private static final int CTA_PROTONAT_PORT_MIN = 1;
  private static final int CTA_PROTONAT_PORT_MAX = 2;
  private static final int CTA_FILTER_ORIG_FLAGS = 1;
  private static final int CTA_FILTER_REPLY_FLAGS = 2;

  /** CTA_FILTER_F_ of net/netfilter/nf_conntrack_netlink.c. */
  private static final int CTA_FILTER_F_CTA_IP_DST = 1 << 1;

  private static final int CTA_FILTER_F_CTA_PROTO_NUM = 1 << 3;
  private static final int CTA_FILTER_F_CTA_PROTO_DST_PORT = 1 << 5;

  private ConntrackMessages() {}

  /**
   * Inserts a connection whose source is translated to exactly this address and port, and refuses
   * with EEXIST when either direction is taken.
   *
   * @param original as the client's packets have it
   * @param reply room for the other direction, overwritten
   * @param natPort for ICMP the echo's id
   * @param timeoutSeconds until the first packet, which brings the namespace's own
   * @param mark CTA_MARK
   * @param tcp how a TCP connection that lives is to be taken up, or null for a new one
   */
  public static void insert(
      NetlinkWriter out,
      ConntrackTuple original,
      ConntrackTuple reply,
      long natHigh,
      long natLow,
      int natPort,
      int timeoutSeconds,
      int mark,
      @Nullable TcpResumption tcp) {
    begin(out, IPCTNL_MSG_CT_NEW, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, original.family());
    original.write(out, CTA_TUPLE_ORIG);
    // The plain inverse: a reply tuple that is translated already makes an entry that does nothing.
    reply.inverseOf(original).write(out, CTA_TUPLE_REPLY);
    int nat = out.nest(CTA_NAT_SRC);
    if (original.version() == 4) {
      out.be32(CTA_NAT_V4_MINIP, (int) natLow);
    } else {
      out.address6(CTA_NAT_V6_MINIP, natHigh, natLow);
    }
    int proto = out.nest(CTA_NAT_PROTO);
    out.be16(CTA_PROTONAT_PORT_MIN, natPort).be16(CTA_PROTONAT_PORT_MAX, natPort);
    out.endNest(proto).endNest(nat).be32(CTA_TIMEOUT, timeoutSeconds).be32(CTA_MARK, mark);
    if (tcp != null) {
      tcp.write(out);
    }
    out.end();
  }

  /**
   * Deletes a connection; ENOENT when there is none.
   *
   * @param id of the entry (CTA_ID), so that no successor is hit; 0 for whichever is there
   */
  public static void delete(NetlinkWriter out, ConntrackTuple original, int id) {
    begin(out, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, original.family());
    original.write(out, CTA_TUPLE_ORIG);
    if (id != 0) {
      out.be32(CTA_ID, id);
    }
    out.end();
  }

  /**
   * Deletes all connections of a mark, of both families.
   *
   * @param mask which bits of the mark count
   */
  public static void deleteMarked(NetlinkWriter out, int mark, int mask) {
    begin(out, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 0);
    out.be32(CTA_MARK, mark).be32(CTA_MARK_MASK, mask).end();
  }

  /**
   * Asks for one connection; answered with one message, see {@link ConntrackReader}, or ENOENT.
   *
   * @param reply whether the tuple is that of its other direction: who has a public address and
   *     port toward a destination
   */
  public static void get(NetlinkWriter out, ConntrackTuple tuple, boolean reply) {
    begin(out, IPCTNL_MSG_CT_GET, NLM_F_ACK, tuple.family());
    tuple.write(out, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
    out.end();
  }

  /** Asks for all connections of a mark, of both families; the kernel filters. */
  public static void dumpMarked(NetlinkWriter out, int mark, int mask) {
    begin(out, IPCTNL_MSG_CT_GET, NLM_F_DUMP, 0);
    out.be32(CTA_MARK, mark).be32(CTA_MARK_MASK, mask).end();
  }

  /**
   * Asks for all connections that are translated to an address, whoever made them; the kernel
   * filters.
   *
   * @param reply room, overwritten
   * @param port 0 for all of one address
   */
  public static void dumpTranslatedTo(
      NetlinkWriter out,
      ConntrackTuple reply,
      int version,
      int protocol,
      long high,
      long low,
      int port) {
    reply.of(version, protocol).source(0, 0, 0).destination(high, low, port);
    begin(out, IPCTNL_MSG_CT_GET, NLM_F_DUMP, reply.family());
    reply.write(out, CTA_TUPLE_REPLY);
    int filter = out.nest(CTA_FILTER);
    int flags = CTA_FILTER_F_CTA_IP_DST | CTA_FILTER_F_CTA_PROTO_NUM;
    // These two alone are in the machine's own order.
    out.u32(CTA_FILTER_ORIG_FLAGS, 0);
    out.u32(CTA_FILTER_REPLY_FLAGS, port == 0 ? flags : flags | CTA_FILTER_F_CTA_PROTO_DST_PORT);
    out.endNest(filter).end();
  }

  private static void begin(NetlinkWriter out, int type, int flags, int family) {
    out.begin(type, NLM_F_REQUEST | flags).putByte(family).zeros(3);
  }
}

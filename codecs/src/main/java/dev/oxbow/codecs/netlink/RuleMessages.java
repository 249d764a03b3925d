package dev.oxbow.codecs.netlink;

import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_ACK;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_CREATE;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_EXCL;
import static dev.oxbow.codecs.netlink.NetlinkWriter.NLM_F_REQUEST;

/**
 * Requests to rtnetlink(7) for rules that choose a table of routes, as {@code ip rule} sends them.
 *
 * <pre>
 * struct fib_rule_hdr  0 family  1 dst_len  2 src_len  3 tos  4 table  5 res1  6 res2  7 action
 *                      8 flags
 * </pre>
 */
public final class RuleMessages {

  // include/uapi/linux/fib_rules.h and rtnetlink.h
  public static final int RTM_NEWRULE = 32;
  static final int FR_ACT_TO_TBL = 1;
  static final int FIB_RULE_INVERT = 2;
  static final int FRA_PRIORITY = 6;
  static final int FRA_SUPPRESS_PREFIXLEN = 14;
  static final int FRA_TABLE = 15;
  static final int FRA_IP_PROTO = 22;

  private RuleMessages() {}

  /**
   * All but the default routes of a table; EEXIST if there is such a rule. As {@code ip rule add
   * lookup TABLE suppress_prefixlength 0}.
   *
   * @param version 4 or 6
   */
  public static void allButDefault(NetlinkWriter out, int version, int priority, int table) {
    begin(out, version, 0);
    out.u32(FRA_PRIORITY, priority).u32(FRA_SUPPRESS_PREFIXLEN, 0).u32(FRA_TABLE, table).end();
  }

  /**
   * A table for what is not of a protocol; EEXIST if there is such a rule. As {@code ip rule add
   * not ipproto PROTOCOL lookup TABLE}, since Linux 4.17.
   *
   * @param version 4 or 6
   */
  public static void notOf(NetlinkWriter out, int version, int priority, int protocol, int table) {
    begin(out, version, FIB_RULE_INVERT);
    out.u32(FRA_PRIORITY, priority).u8(FRA_IP_PROTO, protocol).u32(FRA_TABLE, table).end();
  }

  private static void begin(NetlinkWriter out, int version, int flags) {
    out.begin(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    out.putByte(version == 4 ? RouteMessages.AF_INET : RouteMessages.AF_INET6).zeros(6);
    out.putByte(FR_ACT_TO_TBL).putInt(flags);
  }
}

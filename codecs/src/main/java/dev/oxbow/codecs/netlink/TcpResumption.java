package dev.oxbow.codecs.netlink;

/**
 * How a TCP connection whose packets are already under way is taken up by conntrack. A plain entry
 * in state ESTABLISHED would find all its packets out of the window, since it knows no window
 * scales. It takes liberality in any case: when the first packet is sent again, the other side
 * acknowledges more than conntrack has seen, and would never be heard again.
 *
 * @param scaleOriginal window scale of the client's SYN; -1 unknown
 * @param scaleReply window scale of the server's SYN; -1 unknown
 */
public record TcpResumption(int scaleOriginal, int scaleReply) {

  /** Neither scale is known. */
  public static final TcpResumption LIBERAL = new TcpResumption(-1, -1);

  void write(NetlinkWriter out) {
    boolean scaled = scaleOriginal >= 0 && scaleReply >= 0;
    int flags =
        ConntrackMessages.IP_CT_TCP_FLAG_SACK_PERM
            | ConntrackMessages.IP_CT_TCP_FLAG_BE_LIBERAL
            | (scaled ? ConntrackMessages.IP_CT_TCP_FLAG_WINDOW_SCALE : 0);
    int info = out.nest(ConntrackMessages.CTA_PROTOINFO);
    int tcp = out.nest(ConntrackMessages.CTA_PROTOINFO_TCP);
    out.u8(ConntrackMessages.CTA_PROTOINFO_TCP_STATE, ConntrackMessages.TCP_CONNTRACK_ESTABLISHED);
    if (scaled) {
      out.u8(ConntrackMessages.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, scaleOriginal);
      out.u8(ConntrackMessages.CTA_PROTOINFO_TCP_WSCALE_REPLY, scaleReply);
    }
    // struct nf_ct_tcp_flags: flags, and which of them are meant.
    out.pair(ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, flags, flags);
    out.pair(ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_REPLY, flags, flags);
    out.endNest(tcp).endNest(info);
    out.be32(
        ConntrackMessages.CTA_STATUS,
        ConntrackMessages.IPS_CONFIRMED
            | ConntrackMessages.IPS_SEEN_REPLY
            | ConntrackMessages.IPS_ASSURED);
  }
}

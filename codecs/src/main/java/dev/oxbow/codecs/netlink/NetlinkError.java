package dev.oxbow.codecs.netlink;

import org.jspecify.annotations.Nullable;

/**
 * What NLMSG_ERROR says (struct nlmsgerr and, with NETLINK_EXT_ACK, the attributes behind it).
 *
 * @param errno 0 for an acknowledgement, else the positive error number
 * @param text the kernel's own words (NLMSGERR_ATTR_MSG), null without
 * @param offset where in the request the bad attribute stands, in bytes from the request's header
 *     on (NLMSGERR_ATTR_OFFS); -1 without
 */
public record NetlinkError(int errno, @Nullable String text, int offset) {
  private static final int NLM_F_CAPPED = 0x100;
  private static final int NLM_F_ACK_TLVS = 0x200;
  private static final int NLMSGERR_ATTR_MSG = 1;
  private static final int NLMSGERR_ATTR_OFFS = 2;

  /**
   * Reads the message that a reader stands on.
   *
   * @throws NetlinkException when it is no NLMSG_ERROR or NLMSG_DONE, or malformed
   */
  public static NetlinkError read(NetlinkReader message) {
    int type = message.type();
    if (type == NetlinkReader.NLMSG_DONE) {
      return done(message);
    }
    if (type != NetlinkReader.NLMSG_ERROR) {
      throw new NetlinkException("nlmsg_type " + type + " is no NLMSG_ERROR");
    }
    int at = message.body("nlmsgerr", Integer.BYTES + NetlinkWriter.HEADER_BYTES);
    int errno = positive(message.buffer().getInt(at));
    if ((message.flags() & NLM_F_ACK_TLVS) == 0) {
      return new NetlinkError(errno, null, -1);
    }
    // The request's header comes back always, the rest of it unless it was capped.
    int requestBytes = message.buffer().getInt(at + Integer.BYTES);
    int echoed = (message.flags() & NLM_F_CAPPED) != 0 ? NetlinkWriter.HEADER_BYTES : requestBytes;
    int left = message.bodyEnd() - at - Integer.BYTES;
    if (echoed < NetlinkWriter.HEADER_BYTES || echoed > left) {
      throw new NetlinkException("nlmsgerr.msg.nlmsg_len " + echoed + " of " + left + " bytes");
    }
    return withAttributes(errno, message.attributes(new Attributes(), Integer.BYTES + echoed));
  }

  /** The end of a dump carries an error number, where something went wrong in the midst of it. */
  private static NetlinkError done(NetlinkReader message) {
    if (message.bodyEnd() - message.bodyOffset() < Integer.BYTES) {
      return new NetlinkError(0, null, -1);
    }
    int errno = positive(message.buffer().getInt(message.bodyOffset()));
    if ((message.flags() & NLM_F_ACK_TLVS) == 0) {
      return new NetlinkError(errno, null, -1);
    }
    return withAttributes(errno, message.attributes(new Attributes(), Integer.BYTES));
  }

  private static NetlinkError withAttributes(int errno, Attributes attributes) {
    String text = null;
    int offset = -1;
    while (attributes.next()) {
      switch (attributes.type()) {
        case NLMSGERR_ATTR_MSG -> text = attributes.string();
        case NLMSGERR_ATTR_OFFS -> offset = attributes.u32();
        default -> {
          // Others (cookies, policies) say nothing to us.
        }
      }
    }
    return new NetlinkError(errno, text, offset);
  }

  /** The kernel sends error numbers negated; a count, as some dumps end with, is no error. */
  private static int positive(int error) {
    return error >= 0 ? 0 : error == Integer.MIN_VALUE ? Integer.MAX_VALUE : -error;
  }
}

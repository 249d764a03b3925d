package dev.oxbow.codecs.netlink;

import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_ID;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_MARK;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP_FLAGS_REPLY;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP_STATE;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP_WSCALE_ORIGINAL;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_PROTOINFO_TCP_WSCALE_REPLY;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_STATUS;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_TIMEOUT;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_TUPLE_ORIG;
import static dev.oxbow.codecs.netlink.ConntrackMessages.CTA_TUPLE_REPLY;
import static dev.oxbow.codecs.netlink.ConntrackMessages.NFGENMSG_BYTES;

/**
 * Reads a connection that ctnetlink tells of, an answer or an event; one object serves any number
 * of messages and allocates nothing.
 */
public final class ConntrackReader {
  private final Attributes attributes = new Attributes();
  private final Attributes nested = new Attributes();
  private final Attributes inner = new Attributes();
  private final ConntrackTuple original = new ConntrackTuple();
  private final ConntrackTuple reply = new ConntrackTuple();
  private boolean destroyed;
  private int status;
  private int timeoutSeconds;
  private int mark;
  private int id;
  private int tcpState;
  private int scaleOriginal;
  private int scaleReply;
  private int flagsOriginal;
  private int flagsReply;

  /**
   * Takes over the connection that a reader stands on; what it does not say is 0, a window scale or
   * flags -1.
   *
   * @throws NetlinkException when it is malformed
   */
  public ConntrackReader read(NetlinkReader message) {
    message.body("nfgenmsg", NFGENMSG_BYTES);
    destroyed = message.type() == ConntrackMessages.IPCTNL_MSG_CT_DELETE;
    clear();
    message.attributes(attributes, NFGENMSG_BYTES);
    while (attributes.next()) {
      switch (attributes.type()) {
        case CTA_TUPLE_ORIG -> original.read(message.buffer(), attributes.nested(nested));
        case CTA_TUPLE_REPLY -> reply.read(message.buffer(), attributes.nested(nested));
        case CTA_STATUS -> status = attributes.be32();
        case CTA_TIMEOUT -> timeoutSeconds = attributes.be32();
        case CTA_MARK -> mark = attributes.be32();
        case CTA_ID -> id = attributes.be32();
        case CTA_PROTOINFO -> protocolInfo(attributes.nested(nested));
        default -> {
          // Counters, helpers, labels and the like.
        }
      }
    }
    return this;
  }

  private void clear() {
    original.clear();
    reply.clear();
    status = 0;
    timeoutSeconds = 0;
    mark = 0;
    id = 0;
    tcpState = 0;
    scaleOriginal = -1;
    scaleReply = -1;
    flagsOriginal = -1;
    flagsReply = -1;
  }

  private void protocolInfo(Attributes info) {
    while (info.next()) {
      if (info.type() == CTA_PROTOINFO_TCP) {
        tcp(info.nested(inner));
      }
    }
  }

  private void tcp(Attributes tcp) {
    while (tcp.next()) {
      switch (tcp.type()) {
        case CTA_PROTOINFO_TCP_STATE -> tcpState = tcp.u8();
        case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL -> scaleOriginal = tcp.u8();
        case CTA_PROTOINFO_TCP_WSCALE_REPLY -> scaleReply = tcp.u8();
        case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL -> flagsOriginal = tcp.u8();
        case CTA_PROTOINFO_TCP_FLAGS_REPLY -> flagsReply = tcp.u8();
        default -> {
          // Nothing else is defined.
        }
      }
    }
  }

  /** Whether the message says that it is gone. */
  public boolean destroyed() {
    return destroyed;
  }

  /** As the client's packets have it; valid until the next read. */
  public ConntrackTuple original() {
    return original;
  }

  /** As the server's packets have it, to the translated address; valid until the next read. */
  public ConntrackTuple reply() {
    return reply;
  }

  /** IPS_ bits. */
  public int status() {
    return status;
  }

  /** Seconds until it goes unless a packet comes. */
  public int timeoutSeconds() {
    return timeoutSeconds;
  }

  /** CTA_MARK. */
  public int mark() {
    return mark;
  }

  /** Tells an entry from its successor. */
  public int id() {
    return id;
  }

  /** TCP_CONNTRACK_ESTABLISHED and so on of {@link ConntrackMessages}. */
  public int tcpState() {
    return tcpState;
  }

  /** Window scale of the client; -1 when it is not told. */
  public int scaleOriginal() {
    return scaleOriginal;
  }

  /** Window scale of the server; -1 when it is not told. */
  public int scaleReply() {
    return scaleReply;
  }

  /** IP_CT_TCP_FLAG_ bits of the client's side; -1 when they are not told. */
  public int flagsOriginal() {
    return flagsOriginal;
  }

  /** IP_CT_TCP_FLAG_ bits of the server's side; -1 when they are not told. */
  public int flagsReply() {
    return flagsReply;
  }
}

package dev.oxbow.codecs.netlink;

/** Bytes that are not what they should be; the message names the field. Without a stack trace. */
public final class NetlinkException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public NetlinkException(String message) {
    super(message, null, false, false);
  }
}

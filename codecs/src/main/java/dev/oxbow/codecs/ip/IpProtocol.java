package dev.oxbow.codecs.ip;

/** Protocol and next header numbers, as IANA and include/uapi/linux/in.h name them. */
public final class IpProtocol {
  public static final int HOPOPTS = 0;
  public static final int ICMP = 1;
  public static final int TCP = 6;
  public static final int UDP = 17;
  public static final int ROUTING = 43;
  public static final int FRAGMENT = 44;
  public static final int AH = 51;
  public static final int ICMPV6 = 58;
  public static final int DSTOPTS = 60;

  private IpProtocol() {}
}

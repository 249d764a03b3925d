package dev.oxbow.codecs.netlink;

/** Reads RTM_NEWADDR. */
public final class AddressReader {

  /**
   * An address of this machine.
   *
   * @param interfaceIndex of the link that has it
   * @param address 4 or 16 bytes
   * @param prefixLength 0 to 32 or 128
   */
  public record Address(int interfaceIndex, byte[] address, int prefixLength) {}

  private final Attributes attributes = new Attributes();

  /**
   * The address that a reader stands on.
   *
   * @throws NetlinkException when it is malformed
   */
  public Address read(NetlinkReader message) {
    int at = message.body("ifaddrmsg", RouteMessages.IFADDRMSG_BYTES);
    byte[] local = new byte[0];
    message.attributes(attributes, RouteMessages.IFADDRMSG_BYTES);
    while (attributes.next()) {
      // On a point-to-point link IFA_ADDRESS is the peer's; IPv6 has no IFA_LOCAL else.
      if (attributes.type() == RouteMessages.IFA_LOCAL
          || (attributes.type() == RouteMessages.IFA_ADDRESS && local.length == 0)) {
        local = attributes.bytes();
      }
    }
    RouteMessages.family(local);
    return new Address(message.buffer().getInt(at + 4), local, message.buffer().get(at + 1) & 0xff);
  }
}

package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * An address of an interface and the length of its prefix: {@code 10.7.0.1/24}, {@code fd00::1/64};
 * without a length that of the single address.
 *
 * @param address of version 4 or 6
 * @param bits of the prefix
 */
record Prefix(InetAddress address, int bits) {

  /** Reads one from the command line. */
  static final class Converter implements ITypeConverter<Prefix> {
    @Override
    public Prefix convert(String text) {
      String[] parts = text.split("/", 2);
      try {
        if (!new Address(parts[0], 0).isLiteral() || parts[0].isEmpty()) {
          throw wrong(text);
        }
        InetAddress address = InetAddress.getByName(parts[0]);
        int most = 8 * address.getAddress().length;
        int bits = parts.length == 1 ? most : Integer.parseInt(parts[1]);
        if (bits < 0 || bits > most) {
          throw wrong(text);
        }
        return new Prefix(address, bits);
      } catch (UnknownHostException | NumberFormatException e) {
        throw wrong(text);
      }
    }

    private static TypeConversionException wrong(String text) {
      return new TypeConversionException(
          "'" + text + "' is not an address: expected one such as 10.7.0.1/24 or fd00::1/64");
    }
  }

  boolean v6() {
    return address.getAddress().length > 4;
  }

  @Override
  public String toString() {
    return address.getHostAddress() + "/" + bits;
  }
}

package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.Address;
import dev.oxbow.config.FishOptions.Grant;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Where packets are to leave from: {@code 203.0.113.7:20000-20999}, {@code
 * [2001:db8:2::7]:20000-20999}.
 *
 * @param grant address and ports
 */
record Slice(Grant grant) {

  /** Reads one from the command line. */
  static final class Converter implements ITypeConverter<Slice> {
    @Override
    public Slice convert(String text) {
      int colon = text.lastIndexOf(':');
      String host = colon < 0 ? "" : text.substring(0, colon);
      boolean six = host.startsWith("[") && host.endsWith("]");
      String address = six ? host.substring(1, host.length() - 1) : host;
      if (address.isEmpty() || !new Address(address, 0).isLiteral() || six == isV4(address)) {
        throw new TypeConversionException(
            "'"
                + text
                + "' is no slice: expected one such as 203.0.113.7:20000-20999 or"
                + " [2001:db8:2::7]:20000-20999");
      }
      try {
        return new Slice(Grant.of(address, text.substring(colon + 1)));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("'" + text + "': " + e.getMessage());
      }
    }
  }

  /** Of IP: 4 or 6. */
  int version() {
    return isV4(grant.address()) ? 4 : 6;
  }

  private static boolean isV4(String address) {
    return address.indexOf(':') < 0;
  }
}

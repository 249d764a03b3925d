package dev.oxbow.fish;

import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fish.network.Prefix;

/**
 * Asks who has a port.
 *
 * @param protocol {@code tcp} or {@code udp}
 * @param address that packets leave from
 * @param port that they leave from, 1 to 65535
 * @param destination where they go: {@code 198.51.100.9:443} or {@code [2001:db8::1]:443}
 */
public record PortQuery(String protocol, String address, int port, String destination) {
  private static final int MAX_PORT = 0xffff;

  /** An address and a port. */
  record Endpoint(Prefix address, int port) {}

  /**
   * The protocol as in IP's header.
   *
   * @throws RequestException {@code bad-request}, as from the methods below
   */
  int number() {
    return switch (protocol) {
      case "tcp" -> IpProtocol.TCP;
      case "udp" -> IpProtocol.UDP;
      default -> throw RequestException.badField("protocol", "is neither tcp nor udp");
    };
  }

  /** Where packets leave from. */
  Endpoint outer() {
    if (port < 1 || port > MAX_PORT) {
      throw RequestException.badField("port", "is " + port + "; expected 1 to 65535");
    }
    return new Endpoint(host("address", address), port);
  }

  /** Where they go. */
  Endpoint remote() {
    int colon = destination.lastIndexOf(':');
    String host = colon < 0 ? "" : destination.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]") && host.length() > 2;
    if (host.isEmpty() || (host.indexOf(':') >= 0 && !bracketed)) {
      throw RequestException.badField("destination", "is not address:port: " + destination);
    }
    Prefix parsed = host("destination", bracketed ? host.substring(1, host.length() - 1) : host);
    try {
      int number = Integer.parseInt(destination.substring(colon + 1));
      if (number >= 0 && number <= MAX_PORT) {
        return new Endpoint(parsed, number);
      }
    } catch (NumberFormatException e) {
      throw RequestException.badField("destination", "has no port: " + destination);
    }
    throw RequestException.badField("destination", "has no port: " + destination);
  }

  private static Prefix host(String field, String text) {
    Prefix parsed = Grants.host(text);
    if (parsed == null) {
      throw RequestException.badField(field, "is not an address: " + text);
    }
    return parsed;
  }
}

package dev.oxbow.app.forward;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.service.runtime.StartException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Where to listen or to connect to, as written: {@code host:port}, {@code [v6]:port}, {@code :port}
 * or {@code port}.
 *
 * @param host a name or an address without brackets; empty where there was none
 * @param port 0 to 65535
 */
public record Address(String host, int port) {
  private static final Logger log = LoggerFactory.getLogger(Address.class);
  private static final Pattern FORM =
      Pattern.compile("(?:(?:\\[([0-9A-Fa-f:.]+(?:%\\w+)?)]|([^\\[\\]:\\s]*)):)?(\\d{1,5})");
  private static final int MAX_PORT = 65_535;

  /** Reads an address from the command line. */
  public static final class Converter implements ITypeConverter<Address> {
    @Override
    public Address convert(String text) {
      try {
        return Address.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /**
   * Reads an address.
   *
   * @throws IllegalArgumentException saying which forms there are
   */
  public static Address parse(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches() || Integer.parseInt(matcher.group(3)) > MAX_PORT) {
      throw new IllegalArgumentException(
          "'" + text + "' is not an address: expected host:port, [IPv6]:port, :port or port");
    }
    String v6 = matcher.group(1);
    String name = matcher.group(2);
    return new Address(
        v6 != null ? v6 : name != null ? name : "", Integer.parseInt(matcher.group(3)));
  }

  /**
   * Listens here; without a host on all addresses, of both families where there is IPv6.
   *
   * @param accepted as {@link Acceptor#listen} has it
   * @throws StartException when the address cannot be listened on
   */
  Acceptor listen(DescriptorLoop loop, Consumer<Descriptor> accepted) {
    try {
      return host.isEmpty()
          ? listenOnAll(loop, accepted)
          : Acceptor.listen(InetAddress.getByName(host), port, loop, accepted);
    } catch (LinuxException | UnknownHostException e) {
      throw new StartException("Cannot listen on " + this + ": " + e.getMessage() + ".", e);
    }
  }

  private Acceptor listenOnAll(DescriptorLoop loop, Consumer<Descriptor> accepted)
      throws UnknownHostException {
    try {
      return Acceptor.listen(InetAddress.getByName("::"), port, loop, accepted);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EADDRINUSE || e.errno() == Errno.EACCES) {
        throw e;
      }
      log.debug("no IPv6 here", e);
      return Acceptor.listen(InetAddress.getByName("0.0.0.0"), port, loop, accepted);
    }
  }

  /** Whether the host is an address, so that no name has to be looked up. */
  public boolean isLiteral() {
    return host.isEmpty() || host.contains(":") || host.matches("[0-9.]+");
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}

package dev.oxbow.app.forward;

import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.service.runtime.StartException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** Where connections are forwarded to. A name is looked up again for each, and the JDK caches. */
public final class Target {
  private static final String SAME_MACHINE = "127.0.0.1";

  private final Address address;
  private final byte[] first;

  private Target(Address address, byte[] first) {
    this.address = address;
    this.first = first;
  }

  /**
   * Looks an address up for the first time. Blocks.
   *
   * @throws StartException when there is no such host
   */
  public static Target of(Address address) {
    try {
      return new Target(address, lookUp(address));
    } catch (UnknownHostException e) {
      throw new StartException("Cannot forward to " + address + ": unknown host.", e);
    }
  }

  /** The address to connect to now, on the given context. */
  Future<byte[]> sockaddr(Context context) {
    return address.isLiteral()
        ? Future.succeededFuture(first)
        : context.executeBlocking(() -> lookUp(address), false);
  }

  @Override
  public String toString() {
    return address.toString();
  }

  private static byte[] lookUp(Address address) throws UnknownHostException {
    String host = address.host().isEmpty() ? SAME_MACHINE : address.host();
    return Sockaddr.of(InetAddress.getByName(host), address.port());
  }
}

package dev.oxbow.fish.network;

import dev.oxbow.config.PairOptions;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where TCP is listened to.
 *
 * @param address a prefix of its whole length
 * @param port 1 to 65,535
 */
public record Endpoint(Prefix address, int port) {

  /**
   * Both ends of the link to a partner: whoever reaches one of them could be taken for the other.
   *
   * @param pair null for none
   * @throws NetworkException naming what is no address
   */
  public static List<Endpoint> of(@Nullable PairOptions pair) {
    return pair == null
        ? List.of()
        : Stream.concat(Stream.of(pair.getListen()), pair.getPeers().stream())
            .map(Endpoint::of)
            .toList();
  }

  private static Endpoint of(String text) {
    try {
      return new Endpoint(Prefix.parse(PairOptions.host(text)), PairOptions.port(text));
    } catch (IllegalArgumentException e) {
      throw new NetworkException("fish.pair: " + text + ": " + e.getMessage(), e);
    }
  }

  /** As an element of a set of addresses and ports: {@code 10.9.0.1 . 5701}. */
  @Override
  public String toString() {
    return Prefix.text(address.high(), address.low()) + " . " + port;
  }
}

package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.RawJson;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Some of the live tunnels.
 *
 * @param tunnels oldest first
 * @param next what to ask the next page with, or null when this is the last
 */
public record TunnelPage(List<Entry> tunnels, @Nullable String next) {

  /**
   * A live tunnel.
   *
   * @param tunnel its id
   * @param connections in its table, closing ones included
   * @param packetsIn that came from the flow so far
   * @param packetsOut that the flow took so far
   * @param dropped packets that went no further, by why
   * @param ageMs since it began
   * @param idleMs since a packet came or went
   * @param metadata as given
   */
  public record Entry(
      String tunnel,
      long connections,
      long packetsIn,
      long packetsOut,
      Map<String, Long> dropped,
      long ageMs,
      long idleMs,
      RawJson metadata) {}
}

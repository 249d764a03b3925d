package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.service.flow.PacketCounts;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
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
   * @param packets what became of its packets so far
   * @param ageMs since it began
   * @param idleMs since a packet came or went
   * @param metadata as given
   */
  public record Entry(
      String tunnel,
      long connections,
      PacketCounts packets,
      long ageMs,
      long idleMs,
      RawJson metadata) {}

  /** All live tunnels that the caller may see, oldest first: page after page. */
  public static Future<List<Entry>> all(Bumblebee bumblebee) {
    return all(bumblebee, Bumblebee.MAX_PAGE);
  }

  /**
   * As {@link #all(Bumblebee)}.
   *
   * @param limit of each page
   */
  static Future<List<Entry>> all(Bumblebee bumblebee, int limit) {
    return more(bumblebee, limit, null, new ArrayList<>());
  }

  private static Future<List<Entry>> more(
      Bumblebee bumblebee, int limit, @Nullable String after, List<Entry> before) {
    return bumblebee
        .list(after, limit)
        .compose(
            page -> {
              before.addAll(page.tunnels());
              return page.next() == null
                  ? Future.succeededFuture(before)
                  : more(bumblebee, limit, page.next(), before);
            });
  }
}

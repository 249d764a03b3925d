package dev.oxbow.fish;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.service.flow.PacketCounts;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some of the live sessions.
 *
 * @param sessions oldest first
 * @param next what to ask the next page with, or null when this is the last
 */
public record SessionPage(List<Entry> sessions, @Nullable String next) {

  /**
   * A live session.
   *
   * @param session its id
   * @param flows connections that it has, with those whose ports rest
   * @param packets that came and went so far
   * @param ageMs since it began
   * @param idleMs since a packet came or went
   * @param metadata as given
   */
  public record Entry(
      String session,
      long flows,
      PacketCounts packets,
      long ageMs,
      long idleMs,
      RawJson metadata) {}

  /** All live sessions that the caller may see, oldest first: page after page. */
  public static Future<List<Entry>> all(Fish fish) {
    return all(fish, Fish.MAX_PAGE);
  }

  /**
   * As {@link #all(Fish)}.
   *
   * @param limit of each page
   */
  static Future<List<Entry>> all(Fish fish, int limit) {
    return more(fish, limit, null, new ArrayList<>());
  }

  private static Future<List<Entry>> more(
      Fish fish, int limit, @Nullable String after, List<Entry> before) {
    return fish.list(after, limit)
        .compose(
            page -> {
              before.addAll(page.sessions());
              return page.next() == null
                  ? Future.succeededFuture(before)
                  : more(fish, limit, page.next(), before);
            });
  }
}

package dev.oxbow.app.status;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.splicer.RelayPage;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a Splicer said at one time.
 *
 * @param takenNanos as System.nanoTime()
 * @param stats its counters
 * @param relays all live relays that the caller may see, oldest first
 */
record Snapshot(long takenNanos, JsonObject stats, List<RelayPage.Entry> relays) {

  /** Asks for counters and for all pages of the list. */
  static Future<Snapshot> take(Splicer splicer) {
    return splicer
        .stats()
        .compose(
            stats ->
                pages(splicer, null, new ArrayList<>())
                    .map(relays -> new Snapshot(System.nanoTime(), stats, relays)));
  }

  private static Future<List<RelayPage.Entry>> pages(
      Splicer splicer, @Nullable String after, List<RelayPage.Entry> relays) {
    return splicer
        .list(after, Splicer.MAX_PAGE)
        .compose(
            page -> {
              relays.addAll(page.relays());
              return page.next() == null
                  ? Future.succeededFuture(relays)
                  : pages(splicer, page.next(), relays);
            });
  }

  /** Writes its members, with the names of the control protocol. */
  void write(MessageWriter json) {
    json.raw("stats", RawJson.of(stats.encode())).array("relays");
    for (RelayPage.Entry relay : relays) {
      json.element()
          .string("relay", relay.relay())
          .object("bytes")
          .number("aToB", relay.bytesAToB())
          .number("bToA", relay.bytesBToA())
          .end()
          .number("ageMs", relay.ageMs())
          .number("idleMs", relay.idleMs())
          .raw("metadata", relay.metadata())
          .end();
    }
    json.endArray();
  }
}

package dev.oxbow.app.status;

import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a Bumblebee said at one time.
 *
 * @param stats its counters
 * @param tunnels all live tunnels that the caller may see, oldest first
 */
record TunnelSnapshot(JsonObject stats, List<TunnelPage.Entry> tunnels) {

  /** Asks for counters and for all pages of the list. */
  static Future<TunnelSnapshot> take(Bumblebee bumblebee) {
    return bumblebee
        .stats()
        .compose(
            stats ->
                pages(bumblebee, null, new ArrayList<>())
                    .map(tunnels -> new TunnelSnapshot(stats, tunnels)));
  }

  private static Future<List<TunnelPage.Entry>> pages(
      Bumblebee bumblebee, @Nullable String after, List<TunnelPage.Entry> tunnels) {
    return bumblebee
        .list(after, Bumblebee.MAX_PAGE)
        .compose(
            page -> {
              tunnels.addAll(page.tunnels());
              return page.next() == null
                  ? Future.succeededFuture(tunnels)
                  : pages(bumblebee, page.next(), tunnels);
            });
  }

  /** Writes an object with the names of the control protocol. */
  void write(String name, MessageWriter json) {
    json.object(name).raw("stats", RawJson.of(stats.encode())).array("tunnels");
    for (TunnelPage.Entry tunnel : tunnels) {
      json.element()
          .string("tunnel", tunnel.tunnel())
          .number("connections", tunnel.connections())
          .object("packets")
          .number("in", tunnel.packetsIn())
          .number("out", tunnel.packetsOut())
          .object("dropped");
      tunnel.dropped().forEach(json::number);
      json.end()
          .end()
          .number("ageMs", tunnel.ageMs())
          .number("idleMs", tunnel.idleMs())
          .raw("metadata", tunnel.metadata())
          .end();
    }
    json.endArray().end();
  }
}

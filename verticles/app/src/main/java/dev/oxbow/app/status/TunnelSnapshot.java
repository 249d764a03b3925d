package dev.oxbow.app.status;

import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.List;

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
            stats -> TunnelPage.all(bumblebee).map(tunnels -> new TunnelSnapshot(stats, tunnels)));
  }

  /** Writes an object with the names of the control protocol. */
  void write(String name, MessageWriter json) {
    json.object(name).raw("stats", RawJson.of(stats.encode())).array("tunnels");
    for (TunnelPage.Entry tunnel : tunnels) {
      json.element()
          .string("tunnel", tunnel.tunnel())
          .number("connections", tunnel.connections())
          .object("packets")
          .number("in", tunnel.packets().in())
          .number("out", tunnel.packets().out())
          .object("dropped");
      tunnel.packets().dropped().forEach(json::number);
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

package dev.oxbow.app.status;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.SessionPage;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * What a Fish said at one time.
 *
 * @param stats its counters
 * @param sessions all live sessions that the caller may see, oldest first
 */
record SessionSnapshot(JsonObject stats, List<SessionPage.Entry> sessions) {

  /** Asks for counters and for all pages of the list. */
  static Future<SessionSnapshot> take(Fish fish) {
    return fish.stats()
        .compose(
            stats -> SessionPage.all(fish).map(sessions -> new SessionSnapshot(stats, sessions)));
  }

  /** Writes an object with the names of the control protocol. */
  void write(String name, MessageWriter json) {
    json.object(name).raw("stats", RawJson.of(stats.encode())).array("sessions");
    for (SessionPage.Entry session : sessions) {
      json.element().string("session", session.session()).number("flows", session.flows());
      json.object("packets")
          .number("in", session.packets().in())
          .number("out", session.packets().out())
          .object("dropped");
      session.packets().dropped().forEach(json::number);
      json.end()
          .end()
          .number("ageMs", session.ageMs())
          .number("idleMs", session.idleMs())
          .raw("metadata", session.metadata())
          .end();
    }
    json.endArray().end();
  }
}

package dev.oxbow.fish;

import dev.oxbow.service.client.Reports;
import io.vertx.core.Handler;
import org.jspecify.annotations.Nullable;

/** What a service tells, sorted: reports for who waits for them, the rest for a handler. */
final class Told {
  private final Reports<SessionReport> reports =
      new Reports<>(SessionReport::session, SessionReport::close);
  private volatile @Nullable Handler<Exhaustion> exhausted;

  /** By session. */
  Reports<SessionReport> reports() {
    return reports;
  }

  void exhaustedHandler(Handler<Exhaustion> handler) {
    exhausted = handler;
  }

  /** Something has come; a report owns its descriptor. */
  void event(Object event) {
    if (event instanceof SessionReport report) {
      reports.deliver(report);
      return;
    }
    Handler<Exhaustion> handler = exhausted;
    if (handler != null) {
      handler.handle((Exhaustion) event);
    }
  }
}

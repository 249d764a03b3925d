package dev.oxbow.splicer;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who waits for which report. Thread-safe. */
final class Reports {
  private final Map<String, Promise<SpliceReport>> awaited = new HashMap<>();
  private @Nullable Handler<SpliceReport> unclaimed;

  /** The report of a relay that was accepted just now. */
  synchronized Future<SpliceReport> await(String relay) {
    return awaited.computeIfAbsent(relay, r -> Promise.promise()).future();
  }

  synchronized void unclaimedHandler(Handler<SpliceReport> handler) {
    unclaimed = handler;
  }

  /** Gives a report to who waits for it; what nobody wants is closed. */
  void deliver(SpliceReport report) {
    Promise<SpliceReport> promise;
    Handler<SpliceReport> handler;
    synchronized (this) {
      promise = awaited.remove(report.relay());
      handler = unclaimed;
    }
    if (promise != null) {
      promise.complete(report);
    } else if (handler != null) {
      handler.handle(report);
    } else {
      report.close();
    }
  }

  /** No report will come any more. */
  void fail(SplicerException why) {
    List<Promise<SpliceReport>> all;
    synchronized (this) {
      all = List.copyOf(awaited.values());
      awaited.clear();
    }
    all.forEach(promise -> promise.fail(why));
  }
}

package dev.oxbow.splicer;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who waits for which report. Thread-safe. */
final class Reports {
  private final Map<String, Promise<SpliceReport>> awaited = new HashMap<>();
  private final List<Promise<Void>> patient = new ArrayList<>();
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
    tellIfDone();
  }

  /** Completes when nobody waits for a report any more. */
  Future<Void> whenAllDelivered() {
    Promise<Void> done = Promise.promise();
    synchronized (this) {
      patient.add(done);
    }
    tellIfDone();
    return done.future();
  }

  private void tellIfDone() {
    List<Promise<Void>> done;
    synchronized (this) {
      if (!awaited.isEmpty() || patient.isEmpty()) {
        return;
      }
      done = List.copyOf(patient);
      patient.clear();
    }
    done.forEach(Promise::complete);
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

package dev.oxbow.splicer;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Who waits for which report. Thread-safe. */
final class Reports {

  /** Reports that wait for a handler at most; beyond that the oldest is closed. */
  private static final int MAX_WAITING = 4096;

  private final Map<String, Promise<SpliceReport>> awaited = new HashMap<>();
  private final List<Promise<Void>> patient = new ArrayList<>();
  private final Deque<SpliceReport> waiting = new ArrayDeque<>();
  private @Nullable Handler<SpliceReport> unclaimed;

  /** The report of a relay that was accepted just now. */
  synchronized Future<SpliceReport> await(String relay) {
    return awaited.computeIfAbsent(relay, r -> Promise.promise()).future();
  }

  /** Sets who gets what nobody awaits, and gives it what has come already. */
  void unclaimedHandler(Handler<SpliceReport> handler) {
    List<SpliceReport> before;
    synchronized (this) {
      unclaimed = handler;
      before = List.copyOf(waiting);
      waiting.clear();
    }
    before.forEach(handler::handle);
  }

  /** Gives a report to who waits for it, or keeps it for the handler to come. */
  void deliver(SpliceReport report) {
    Promise<SpliceReport> promise;
    Handler<SpliceReport> handler;
    SpliceReport surplus = null;
    synchronized (this) {
      promise = awaited.remove(report.relay());
      handler = unclaimed;
      if (promise == null && handler == null) {
        waiting.add(report);
        surplus = waiting.size() > MAX_WAITING ? waiting.remove() : null;
      }
    }
    if (promise != null) {
      promise.complete(report);
    } else if (handler != null) {
      handler.handle(report);
    } else if (surplus != null) {
      surplus.close();
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

  /** No report will come any more; those that nobody wanted are closed. */
  void fail(SplicerException why) {
    List<Promise<SpliceReport>> all;
    List<SpliceReport> unwanted;
    synchronized (this) {
      all = List.copyOf(awaited.values());
      awaited.clear();
      unwanted = List.copyOf(waiting);
      waiting.clear();
    }
    unwanted.forEach(SpliceReport::close);
    all.forEach(promise -> promise.fail(why));
  }
}

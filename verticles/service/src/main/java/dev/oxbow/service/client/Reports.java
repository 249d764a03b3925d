package dev.oxbow.service.client;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for which report of work that has ended. Thread-safe.
 *
 * @param <R> owns descriptors
 */
public final class Reports<R> {

  /** Reports that wait for a handler at most; beyond that the oldest is closed. */
  private static final int MAX_WAITING = 4096;

  private final Function<R, String> idOf;
  private final Consumer<R> discard;
  private final Map<String, Promise<R>> awaited = new HashMap<>();
  private final List<Promise<Void>> patient = new ArrayList<>();
  private final Deque<R> waiting = new ArrayDeque<>();
  private @Nullable Handler<R> unclaimed;
  private @Nullable Throwable failure;
  private boolean frozen;

  /**
   * @param idOf the id of the work that a report is about
   * @param discard closes what a report owns
   */
  public Reports(Function<R, String> idOf, Consumer<R> discard) {
    this.idOf = idOf;
    this.discard = discard;
  }

  /** The report of work that was accepted just now; fails at once after {@link #fail}. */
  public synchronized Future<R> await(String id) {
    Throwable why = failure;
    if (why != null) {
      return Future.failedFuture(why);
    }
    return awaited.computeIfAbsent(id, r -> Promise.promise()).future();
  }

  /** Sets who gets what nobody awaits, and gives it what has come already, unless frozen. */
  public void unclaimedHandler(Handler<R> handler) {
    synchronized (this) {
      unclaimed = handler;
    }
    drain();
  }

  private void drain() {
    List<R> before;
    Handler<R> handler;
    synchronized (this) {
      handler = unclaimed;
      if (handler == null || frozen) {
        return;
      }
      before = List.copyOf(waiting);
      waiting.clear();
    }
    before.forEach(handler::handle);
  }

  /**
   * Gives the handler nothing until {@link #thaw()}: another process may have the same reports.
   *
   * @return those that nobody has claimed, which stay here
   */
  public synchronized List<R> freeze() {
    frozen = true;
    return List.copyOf(waiting);
  }

  /** Goes on. */
  public void thaw() {
    synchronized (this) {
      frozen = false;
    }
    drain();
  }

  /** How many nobody has claimed. */
  public synchronized int waiting() {
    return waiting.size();
  }

  /**
   * Gives a report to who waits for it, or keeps it for the handler to come; after {@link #fail} it
   * is closed where there is none.
   */
  public void deliver(R report) {
    Promise<R> promise;
    @Nullable Handler<R> handler;
    @Nullable R surplus = null;
    synchronized (this) {
      promise = awaited.remove(idOf.apply(report));
      handler = unclaimed;
      if (promise == null && (handler == null || frozen)) {
        handler = null;
        waiting.add(report);
        surplus = failure != null || waiting.size() > MAX_WAITING ? waiting.remove() : null;
      }
    }
    if (promise != null) {
      promise.complete(report);
    } else if (handler != null) {
      handler.handle(report);
    } else if (surplus != null) {
      discard.accept(surplus);
    }
    tellIfDone();
  }

  /** Completes when nobody waits for a report any more. */
  public Future<Void> whenAllDelivered() {
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

  /**
   * No report will come any more: whoever waits for one, now or later, is told so; those that
   * nobody wanted are closed.
   */
  public void fail(Throwable why) {
    List<Promise<R>> all;
    List<R> unwanted;
    synchronized (this) {
      failure = why;
      all = List.copyOf(awaited.values());
      awaited.clear();
      unwanted = List.copyOf(waiting);
      waiting.clear();
    }
    unwanted.forEach(discard);
    all.forEach(promise -> promise.fail(why));
    tellIfDone();
  }
}

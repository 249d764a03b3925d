package dev.oxbow.service.client;

import io.vertx.core.AsyncResult;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who waits for which report of work that has ended. Thread-safe. Whoever is told and throws keeps
 * nobody else from being told: that is logged.
 *
 * @param <R> owns descriptors
 */
public final class Reports<R> {
  private static final Logger log = LoggerFactory.getLogger(Reports.class);

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

  /** Whether the handler has one now, and who is told when it has it no more. */
  private boolean handling;

  private @Nullable Promise<Void> quiet;

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

  /** Gives the handler what waits, in order, one thread at a time. */
  private void drain() {
    while (true) {
      R next;
      Handler<R> handler;
      synchronized (this) {
        handler = unclaimed;
        if (handling || frozen || handler == null || waiting.isEmpty()) {
          return;
        }
        handling = true;
        next = waiting.remove();
      }
      try {
        handler.handle(next);
      } catch (RuntimeException e) {
        failed(e);
      } finally {
        handled();
      }
    }
  }

  private void handled() {
    Promise<Void> told;
    synchronized (this) {
      handling = false;
      told = quiet;
      quiet = null;
    }
    if (told != null) {
      told.complete();
    }
  }

  private static <T> void tell(Promise<T> promise, AsyncResult<T> what) {
    try {
      promise.handle(what);
    } catch (RuntimeException e) {
      failed(e);
    }
  }

  private static void failed(RuntimeException e) {
    log.error("whoever was told of a report has failed", e);
  }

  /**
   * Gives the handler nothing until {@link #thaw()}: another process may have the same reports.
   *
   * @return those that nobody has claimed, once none is being handled any more; they stay here
   */
  public Future<List<R>> freeze() {
    Future<Void> handled;
    synchronized (this) {
      frozen = true;
      if (handling && quiet == null) {
        quiet = Promise.promise();
      }
      handled = quiet == null ? Future.succeededFuture() : quiet.future();
    }
    return handled.map(v -> unclaimed());
  }

  private synchronized List<R> unclaimed() {
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
    @Nullable R surplus = null;
    synchronized (this) {
      promise = awaited.remove(idOf.apply(report));
      if (promise == null) {
        waiting.add(report);
        boolean kept = unclaimed == null || frozen;
        boolean tooMany = failure != null || waiting.size() > MAX_WAITING;
        surplus = kept && tooMany ? waiting.remove() : null;
      }
    }
    if (surplus != null) {
      discard.accept(surplus);
    }
    if (promise != null) {
      tell(promise, Future.succeededFuture(report));
    } else {
      drain();
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
    done.forEach(promise -> tell(promise, Future.succeededFuture()));
  }

  /**
   * No report will come any more: whoever waits for one, now or later, is told so; those that
   * nobody wants are closed.
   */
  public void fail(Throwable why) {
    List<Promise<R>> all;
    List<R> unwanted;
    synchronized (this) {
      failure = why;
      all = List.copyOf(awaited.values());
      awaited.clear();
      boolean wanted = unclaimed != null && !frozen;
      unwanted = wanted ? List.of() : List.copyOf(waiting);
      if (!wanted) {
        waiting.clear();
      }
    }
    unwanted.forEach(discard);
    all.forEach(promise -> tell(promise, Future.failedFuture(why)));
    tellIfDone();
    drain();
  }
}

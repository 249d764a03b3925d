package dev.oxbow.bumblebee;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.streams.ReadStream;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Connections on their way to whoever handles them. Those that nobody takes wait, as in the backlog
 * of a listener; when it is full, the oldest is reset. Thread-safe.
 */
final class ConnectionStream implements ReadStream<TunnelConnection> {

  /** Connections that wait at most. */
  static final int MAX_WAITING = 4096;

  private final Queue<TunnelConnection> waiting = new ArrayDeque<>();
  private @Nullable Handler<TunnelConnection> handler;
  private @Nullable Handler<Void> endHandler;
  private long demand = Long.MAX_VALUE;
  private boolean draining;
  private boolean frozen;
  private @Nullable Promise<Void> quiet;
  private boolean ended;

  /** With connections that wait, frozen. */
  static ConnectionStream frozen(List<TunnelConnection> untaken) {
    ConnectionStream stream = new ConnectionStream();
    stream.waiting.addAll(untaken);
    stream.frozen = true;
    return stream;
  }

  /** A connection has come. */
  void deliver(TunnelConnection connection) {
    TunnelConnection surplus = null;
    synchronized (this) {
      if (ended) {
        surplus = connection;
      } else {
        waiting.add(connection);
        surplus = waiting.size() > MAX_WAITING ? waiting.remove() : null;
      }
    }
    if (surplus != null) {
      surplus.reset();
    }
    drain();
  }

  /** Gives out what waits, in order, one thread at a time. */
  private void drain() {
    while (true) {
      TunnelConnection next;
      Handler<TunnelConnection> taker;
      synchronized (this) {
        taker = handler;
        if (draining || frozen || taker == null || demand == 0 || waiting.isEmpty()) {
          return;
        }
        draining = true;
        demand -= demand == Long.MAX_VALUE ? 0 : 1;
        next = waiting.remove();
      }
      try {
        taker.handle(next);
      } finally {
        handled();
      }
    }
  }

  private void handled() {
    Promise<Void> told;
    synchronized (this) {
      draining = false;
      told = quiet;
      quiet = null;
    }
    if (told != null) {
      told.complete();
    }
  }

  /**
   * Gives out none until {@link #thaw()}.
   *
   * @return those that wait, once none is being handled any more; they stay here
   */
  Future<List<TunnelConnection>> freeze() {
    Future<Void> handled;
    synchronized (this) {
      frozen = true;
      if (draining && quiet == null) {
        quiet = Promise.promise();
      }
      handled = quiet == null ? Future.succeededFuture() : quiet.future();
    }
    return handled.map(v -> untaken());
  }

  private synchronized List<TunnelConnection> untaken() {
    return List.copyOf(waiting);
  }

  /** How many wait. */
  synchronized int waiting() {
    return waiting.size();
  }

  /** Goes on. */
  void thaw() {
    synchronized (this) {
      frozen = false;
    }
    drain();
  }

  /**
   * None will come any more. Those that nobody took are reset; while it is frozen they are another
   * process's, too, and only closed here.
   */
  void end() {
    List<TunnelConnection> unwanted;
    boolean shared;
    Handler<Void> told;
    synchronized (this) {
      if (ended) {
        return;
      }
      ended = true;
      shared = frozen;
      unwanted = List.copyOf(waiting);
      waiting.clear();
      told = endHandler;
    }
    unwanted.forEach(shared ? TunnelConnection::close : TunnelConnection::reset);
    if (told != null) {
      told.handle(null);
    }
  }

  @Override
  public ConnectionStream handler(@Nullable Handler<TunnelConnection> taker) {
    synchronized (this) {
      handler = taker;
    }
    drain();
    return this;
  }

  @Override
  public synchronized ConnectionStream pause() {
    demand = 0;
    return this;
  }

  @Override
  public ConnectionStream resume() {
    return fetch(Long.MAX_VALUE);
  }

  @Override
  public ConnectionStream fetch(long amount) {
    if (amount < 0) {
      throw new IllegalArgumentException("amount: " + amount);
    }
    synchronized (this) {
      demand = demand + amount < 0 ? Long.MAX_VALUE : demand + amount;
    }
    drain();
    return this;
  }

  /** Nothing is told: what goes wrong with a connection is the socket's to say. */
  @Override
  public ConnectionStream exceptionHandler(@Nullable Handler<Throwable> unused) {
    return this;
  }

  @Override
  public synchronized ConnectionStream endHandler(@Nullable Handler<Void> told) {
    endHandler = told;
    return this;
  }
}

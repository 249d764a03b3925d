package dev.oxbow.bumblebee;

import io.vertx.core.Handler;
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
  private boolean ended;

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
        if (draining || taker == null || demand == 0 || waiting.isEmpty()) {
          return;
        }
        draining = true;
        demand -= demand == Long.MAX_VALUE ? 0 : 1;
        next = waiting.remove();
      }
      try {
        taker.handle(next);
      } finally {
        synchronized (this) {
          draining = false;
        }
      }
    }
  }

  /** None will come any more; those that nobody took are reset. */
  void end() {
    List<TunnelConnection> unwanted;
    Handler<Void> told;
    synchronized (this) {
      if (ended) {
        return;
      }
      ended = true;
      unwanted = List.copyOf(waiting);
      waiting.clear();
      told = endHandler;
    }
    unwanted.forEach(TunnelConnection::reset);
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

package dev.oxbow.app.forward;

import dev.oxbow.app.forward.SplicedConnections.Client;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Clients whose target is not connected yet; when it is, both go to a Splicer. What is being
 * connected can be handed over to another process, and what is being handed to the Splicer is
 * waited for. Loop thread only, unless something else is said.
 */
public final class Attempts {
  private static final String CLIENT = "client/";
  private static final String SERVER = "server/";
  private static final String KIND = "attempt";

  private final Context context;
  private final DescriptorLoop loop;
  private final SplicedConnections connections;
  private final long timeoutMs;
  private final Set<Attempt> all = ConcurrentHashMap.newKeySet();
  private boolean frozen;

  /**
   * @param timeoutMs how long each waits for its target
   */
  public Attempts(Context context, SplicedConnections connections, long timeoutMs) {
    this.context = context;
    this.loop = DescriptorLoop.of(context);
    this.connections = connections;
    this.timeoutMs = timeoutMs;
  }

  /** How many there are. Any thread. */
  public int size() {
    return all.size();
  }

  /** Connects a client, which is owned by this object from here on. */
  public void begin(Errand errand) {
    begin(errand, System.nanoTime(), null);
  }

  private void begin(Errand errand, long beganNanos, @Nullable Connector connector) {
    Attempt attempt = new Attempt(context, errand, beganNanos, timeoutMs, connector);
    Client client = errand.client();
    all.add(attempt);
    attempt
        .connected()
        .onComplete(
            server -> {
              all.remove(attempt);
              long connectMs = (System.nanoTime() - beganNanos) / 1_000_000;
              if (server.succeeded()) {
                connections.splice(client, server.result(), connectMs);
              } else {
                connections.connectFailed(client, connectMs, server.cause());
              }
            });
    if (!frozen) {
      attempt.thaw();
    }
  }

  /** Touches nothing until {@link #thaw}. */
  public void hold() {
    frozen = true;
    all.forEach(Attempt::freeze);
  }

  /**
   * Touches nothing until {@link #thaw}, and gives out what another process needs when no answer of
   * the Splicer is owed. Any thread.
   *
   * @param stop keeps new clients from coming
   * @param export what is to be given out then; all three on the loop thread
   */
  public Future<Cargo> freeze(Runnable stop, Supplier<Cargo> export) {
    return onLoop(
        () -> {
          stop.run();
          hold();
          return connections.whenHandedOver().map(v -> export(export));
        });
  }

  private Cargo export(Supplier<Cargo> export) {
    if (!frozen) {
      throw new IllegalStateException("the hand-over was given up");
    }
    return export.get();
  }

  /**
   * Goes on, if it is frozen. Any thread.
   *
   * @param start lets new clients come
   */
  public Future<Void> thaw(Runnable start) {
    return onLoop(
        () -> {
          if (frozen) {
            frozen = false;
            all.forEach(Attempt::thaw);
            start.run();
          }
          return Future.succeededFuture();
        });
  }

  private <T> Future<T> onLoop(Supplier<Future<T>> task) {
    Promise<T> done = Promise.promise();
    loop.execute(() -> Future.<Void>succeededFuture().compose(v -> task.get()).onComplete(done));
    return done.future();
  }

  /** A record on its way to another process. */
  public static MessageWriter record(String kind) {
    return new MessageWriter().string("kind", kind);
  }

  /** The records of a kind. */
  public static List<Message> records(List<Message> all, String kind) {
    return all.stream().filter(record -> record.string("kind").equals(kind)).toList();
  }

  /** Lends the sockets of all, and describes them. */
  public void export(Cargo cargo, List<MessageWriter> records) {
    for (Attempt attempt : all) {
      int number = records.size();
      Connector connector = attempt.connector();
      cargo.lend(CLIENT + number, attempt.errand().client().socket());
      if (connector != null) {
        cargo.lend(SERVER + number, connector.socket());
      }
      MessageWriter record =
          record(KIND)
              .number("number", number)
              .number("beganNanos", attempt.beganNanos())
              .number("deadlineNanos", connector == null ? 0 : connector.deadlineNanos());
      attempt.errand().origin().accept(record);
      records.add(record);
    }
  }

  /**
   * Takes over what another process has described; frozen until {@link #thaw}.
   *
   * @param records of all kinds
   * @param errands makes of a record and the socket of a client what it was
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public void restore(
      Cargo cargo, List<Message> records, BiFunction<Message, Descriptor, Errand> errands) {
    hold();
    try {
      records(records, KIND).forEach(record -> restore(cargo, record, errands));
    } catch (RequestException e) {
      throw new IllegalArgumentException("connections on their way: " + e.getMessage(), e);
    }
    if (!cargo.names().isEmpty()) {
      throw new IllegalArgumentException("handed over and not understood: " + cargo.names());
    }
  }

  private void restore(
      Cargo cargo, Message record, BiFunction<Message, Descriptor, Errand> errands) {
    long number = record.integer("number", 0, Integer.MAX_VALUE);
    long beganNanos = record.integer("beganNanos", Long.MIN_VALUE, Long.MAX_VALUE);
    long deadlineNanos = record.integer("deadlineNanos", Long.MIN_VALUE, Long.MAX_VALUE);
    Errand errand = errands.apply(record, cargo.take(CLIENT + number));
    Descriptor server = cargo.takeIfThere(SERVER + number);
    begin(errand, beganNanos, server == null ? null : Connector.adopt(loop, server, deadlineNanos));
  }
}

package dev.oxbow.service.client;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client of one service's control socket that stays connected: when the connection is lost it is
 * made again, and the app's mailbox is resumed. Events are acknowledged once their handler has
 * returned. Methods may be called on any thread; all work is done on one context of Vert.x, where
 * futures complete and events are told.
 */
public final class ControlClient {
  private static final Logger log = LoggerFactory.getLogger(ControlClient.class);

  /** The record that a client hands over, and its connection. */
  private static final String CARGO = "client";

  private static final String CONNECTION = "connection";

  private static final long FIRST_PAUSE_NANOS = 10_000_000;
  private static final long LAST_PAUSE_NANOS = 500_000_000;

  /** How long a request waits for a connection before it fails. */
  static final long PATIENCE_NANOS = 10_000_000_000L;

  private final Vertx vertx;
  private final Context context;
  private final DescriptorLoop loop;
  private final Path socket;
  private final String app;
  private final EventHandler events;
  private final long patienceNanos;
  private final PacketBuffer buffer = new PacketBuffer();
  private final Deque<Call> waiting = new ArrayDeque<>();
  private final Promise<ControlClient> first = Promise.promise();
  private @Nullable ClientConnection connection;
  private @Nullable Timer impatience;
  private long pauseNanos = FIRST_PAUSE_NANOS;
  private long lastId;
  private boolean closed;
  private @Nullable Promise<Void> freezing;

  /** Told of each event, on the client's context; owns the event's descriptors. */
  @FunctionalInterface
  public interface EventHandler {
    void event(Message event, List<Descriptor> descriptors);
  }

  private ControlClient(
      Vertx vertx, Path socket, String app, EventHandler events, long patienceNanos) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.loop = DescriptorLoop.of(context);
    this.socket = socket;
    this.app = app;
    this.events = events;
    this.patienceNanos = patienceNanos;
  }

  /**
   * Connects, with acknowledged delivery.
   *
   * @param socket the service's control socket
   * @param app names the mailbox
   * @return fails when the first connection cannot be made or is refused
   */
  public static Future<ControlClient> connect(
      Vertx vertx, Path socket, String app, EventHandler events) {
    return connect(vertx, socket, app, events, PATIENCE_NANOS);
  }

  /**
   * As {@link #connect(Vertx, Path, String, EventHandler)}.
   *
   * @param patienceNanos how long each request waits for a connection before it fails
   */
  static Future<ControlClient> connect(
      Vertx vertx, Path socket, String app, EventHandler events, long patienceNanos) {
    ControlClient client;
    try {
      client = new ControlClient(vertx, socket, app, events, patienceNanos);
    } catch (IllegalStateException e) {
      return Future.failedFuture(e);
    }
    client.loop.execute(client::connect);
    return client.first.future();
  }

  /**
   * Goes on with the connection of another process; frozen until {@link #thaw()}.
   *
   * @param cargo as {@link #freeze} filled it there
   * @throws IllegalArgumentException when that was for another socket or app
   */
  public static ControlClient inherit(
      Vertx vertx, Path socket, String app, EventHandler events, Cargo cargo) {
    ControlClient client = new ControlClient(vertx, socket, app, events, PATIENCE_NANOS);
    client.freezing = Promise.promise();
    client.first.complete(client);
    client.restore(cargo);
    return client;
  }

  private void restore(Cargo cargo) {
    for (Message record : cargo.records(CARGO)) {
      String theirs = record.string("app") + " at " + record.string("socket");
      String ours = app + " at " + socket;
      if (!theirs.equals(ours)) {
        throw new IllegalArgumentException("the client was " + theirs + " and now is " + ours);
      }
      lastId = record.integer("lastId", 0, Long.MAX_VALUE);
      Descriptor connected = cargo.takeIfThere(CONNECTION);
      if (connected != null) {
        long handled = record.integer("handled", 0, Long.MAX_VALUE);
        connection = ClientConnection.inherit(loop, connected, buffer, new Owner(), handled);
      }
    }
  }

  /**
   * Stops to send, to read and to tell events, after all that was sent has been answered; requests
   * wait. Then another process can go on with the connection.
   */
  public Future<Cargo> freeze() {
    Promise<Void> frozen = Promise.promise();
    loop.run(
        () -> {
          freezing = frozen;
          if (connection == null) {
            frozen.complete();
          } else {
            putBack(connection.freeze());
          }
        });
    return frozen.future().map(v -> export());
  }

  private Cargo export() {
    MessageWriter record =
        new MessageWriter()
            .string("socket", socket.toString())
            .string("app", app)
            .number("lastId", lastId)
            .number("handled", connection == null ? 0 : connection.handled());
    Cargo cargo = new Cargo().records(CARGO, List.of(record));
    return connection == null ? cargo : cargo.lend(CONNECTION, connection.socket());
  }

  /** Goes on. */
  public Future<Void> thaw() {
    Promise<Void> thawed = Promise.promise();
    loop.run(
        () -> {
          Promise<Void> before = freezing;
          freezing = null;
          if (before != null) {
            before.tryFail(new IllegalStateException("given up"));
            if (connection == null) {
              connect();
            } else {
              connection.thaw();
              sendWaiting();
            }
          }
          thawed.complete();
        });
    return thawed.future();
  }

  /**
   * Sends a request.
   *
   * @param op what is wanted
   * @param members writes the other members of the request; called once for each connection that is
   *     tried
   * @param names of the descriptors
   * @param descriptors stay the caller's, and must stay open until the answer
   * @param reader turns the answer into the result; on the client's context, before any event that
   *     comes behind the answer is told
   * @return the result; fails with {@link RequestException}: with {@link LostAnswerException} when
   *     it was sent and the connection was lost before the answer came, and otherwise only when the
   *     service has not done it. What could not be sent before a connection was lost goes over the
   *     next one, and fails as {@code unavailable} when there is none for ten seconds.
   */
  public <T> Future<T> request(
      String op,
      Consumer<MessageWriter> members,
      List<String> names,
      List<Descriptor> descriptors,
      Function<Message, T> reader) {
    Promise<Message> answer = Promise.promise();
    Future<T> result = answer.future().map(reader);
    loop.run(() -> submit(newCall(op, members, names, descriptors, answer)));
    return result;
  }

  private Call newCall(
      String op,
      Consumer<MessageWriter> members,
      List<String> names,
      List<Descriptor> descriptors,
      Promise<Message> answer) {
    long deadline = System.nanoTime() + patienceNanos;
    return new Call(++lastId, op, members, names, descriptors, answer, deadline);
  }

  /** Closes the connection; requests that wait fail. What runs in the service goes on. */
  public Future<Void> close() {
    Promise<Void> done = Promise.promise();
    loop.run(
        () -> {
          closed = true;
          if (connection != null) {
            connection.close();
            connection = null;
          }
          failWaiting("closed by its owner");
          done.complete();
        });
    return done.future();
  }

  private void submit(Call call) {
    if (closed) {
      call.fail("the client is closed");
    } else if (connection != null && connection.ready() && freezing == null) {
      connection.send(call);
    } else {
      waiting.add(call);
      armImpatience();
    }
  }

  /** Makes sure that the request which has waited longest is not forgotten. */
  private void armImpatience() {
    if (impatience == null && !waiting.isEmpty()) {
      long left = waiting.element().deadlineNanos() - System.nanoTime();
      impatience = loop.schedule(this::giveUp, left);
    }
  }

  private void giveUp() {
    impatience = null;
    long now = System.nanoTime();
    while (!waiting.isEmpty() && waiting.element().deadlineNanos() - now <= 0) {
      waiting.remove().fail("nobody serves " + socket);
    }
    armImpatience();
  }

  private void failWaiting(String why) {
    while (!waiting.isEmpty()) {
      waiting.remove().fail(why);
    }
  }

  private void connect() {
    if (closed || freezing != null) {
      return;
    }
    vertx
        .executeBlocking(() -> UnixSockets.connect(socket), false)
        .onComplete(result -> loop.run(() -> connected(result.result(), result.cause())));
  }

  private void connected(@Nullable Descriptor made, @Nullable Throwable failure) {
    if (made == null) {
      retry(failure);
    } else if (closed || freezing != null || connection != null) {
      // While frozen another process may connect; going on begins with a new attempt.
      made.close();
    } else {
      connection = new ClientConnection(loop, made, buffer, new Owner());
      connection.hello(++lastId, app);
    }
  }

  private void retry(@Nullable Throwable failure) {
    if (failure != null && first.tryFail(failure)) {
      closed = true;
    }
    if (!closed) {
      log.debug("{}: will try again: {}", socket, String.valueOf(failure));
      loop.schedule(this::connect, pauseNanos);
      pauseNanos = Math.min(2 * pauseNanos, LAST_PAUSE_NANOS);
    }
  }

  private void sendWaiting() {
    while (!waiting.isEmpty() && connection != null && connection.ready() && freezing == null) {
      connection.send(waiting.remove());
    }
  }

  private void putBack(List<Call> unsent) {
    for (int i = unsent.size() - 1; i >= 0; i--) {
      waiting.addFirst(unsent.get(i));
    }
    armImpatience();
  }

  /** What the connection tells its client. */
  private final class Owner implements ClientConnection.Owner {

    @Override
    public void ready() {
      pauseNanos = FIRST_PAUSE_NANOS;
      first.tryComplete(ControlClient.this);
      if (impatience != null) {
        impatience.cancel();
        impatience = null;
      }
      sendWaiting();
    }

    @Override
    public void frozen() {
      if (freezing != null) {
        freezing.tryComplete();
      }
    }

    @Override
    public void event(Message event, List<Descriptor> descriptors) {
      events.event(event, descriptors);
    }

    @Override
    public void lost(@Nullable Throwable why, List<Call> unsent) {
      connection = null;
      putBack(unsent);
      frozen();
      Throwable failure =
          why != null
              ? why
              : new RequestException(ErrorCode.UNAVAILABLE, socket + ": connection lost");
      retry(failure);
    }
  }

  /**
   * A request and who waits for its answer.
   *
   * @param deadlineNanos when it fails unless it was sent; {@link #INTERNAL} for a message of the
   *     connection itself
   */
  record Call(
      long id,
      String op,
      Consumer<MessageWriter> members,
      List<String> names,
      List<Descriptor> descriptors,
      Promise<Message> answer,
      long deadlineNanos) {

    /** Not for a request of the client. */
    static final long INTERNAL = Long.MIN_VALUE;

    boolean internal() {
      return deadlineNanos == INTERNAL;
    }

    byte[] json() {
      MessageWriter message = new MessageWriter().string("op", op).number("id", id);
      if (!names.isEmpty()) {
        message.strings("fds", names);
      }
      members.accept(message);
      return message.bytes();
    }

    void fail(String why) {
      answer.tryFail(new RequestException(ErrorCode.UNAVAILABLE, why));
    }
  }
}

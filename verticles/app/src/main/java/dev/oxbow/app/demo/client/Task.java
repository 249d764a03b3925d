package dev.oxbow.app.demo.client;

import dev.oxbow.app.demo.payload.Hash;
import dev.oxbow.app.demo.payload.Payload;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** One task of a client: what it does, on one thread, and its counters, for any thread. */
public final class Task {

  private static final int CHUNK_BYTES = 32 * 1024;
  private static final String NO_HASH = "-";

  private final Order order;
  private final InetSocketAddress http;
  private final InetSocketAddress halfClose;
  private final Pace pace;
  private final AtomicLong sent = new AtomicLong();
  private final AtomicLong received = new AtomicLong();
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger port = new AtomicInteger();
  private final AtomicInteger answers = new AtomicInteger();

  /**
   * Something to be done.
   *
   * @param http where the web server is
   * @param halfClose where the half-closer is
   */
  public Task(Order order, InetSocketAddress http, InetSocketAddress halfClose) {
    this.order = order;
    this.http = http;
    this.halfClose = halfClose;
    this.pace =
        new Pace(
            switch (order.verb()) {
              case DOWNLOAD -> order.number(1);
              case UPLOAD -> order.number(3);
              case VISITS, KEEP_ALIVE, HALF_CLOSE, LATE_SEND -> order.number(2);
              case REQUESTS, RELEASE -> 0;
            });
  }

  /** Does it. Blocks. */
  public Event run() {
    try {
      return event(Event.Kind.DONE, perform(), "");
    } catch (IOException e) {
      return event(Event.Kind.FAILED, NO_HASH, e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return event(Event.Kind.FAILED, NO_HASH, "interrupted");
    }
  }

  /** How far it is. Any thread. */
  public Event progress() {
    return event(Event.Kind.PROGRESS, NO_HASH, "");
  }

  /** Ends its limits. Any thread. */
  public void release() {
    pace.release();
  }

  void connected(int localPort) {
    connections.incrementAndGet();
    port.set(localPort);
  }

  void sent(int bytes) {
    sent.addAndGet(bytes);
  }

  void received(int bytes) {
    received.addAndGet(bytes);
  }

  private String perform() throws IOException, InterruptedException {
    return switch (order.verb()) {
      case DOWNLOAD -> download();
      case UPLOAD -> upload();
      case REQUESTS -> requests();
      case VISITS -> visits();
      case KEEP_ALIVE -> keepAlive();
      case HALF_CLOSE -> halfClose();
      case LATE_SEND -> lateSend();
      case RELEASE -> throw new IllegalArgumentException("not a task: " + order.line());
    };
  }

  private String download() throws IOException, InterruptedException {
    try (Connection connection = new Connection(this, http, (int) order.number(2))) {
      connection.get(order.text(0), false);
      return receive(connection, connection.responseLength(), pace);
    }
  }

  private String upload() throws IOException, InterruptedException {
    try (Connection connection = new Connection(this, http, 0)) {
      connection.put(order.text(0), order.number(2));
      String hash = send(connection, order.number(1), order.number(2), pace);
      receive(connection, connection.responseLength(), pace);
      return hash;
    }
  }

  private String requests() throws IOException, InterruptedException {
    for (long i = 0; i < order.number(2); i++) {
      try (Connection connection = new Connection(this, http, 0)) {
        request(connection, false);
      }
    }
    return NO_HASH;
  }

  private String visits() throws IOException, InterruptedException {
    do {
      try (Connection connection = new Connection(this, http, 0)) {
        request(connection, false);
      }
    } while (!pace.reached(answers.get()));
    return NO_HASH;
  }

  private String keepAlive() throws IOException, InterruptedException {
    try (Connection connection = new Connection(this, http, 0)) {
      do {
        request(connection, true);
      } while (!pace.reached(answers.get()));
      return NO_HASH;
    }
  }

  private void request(Connection connection, boolean keepAlive)
      throws IOException, InterruptedException {
    connection.get(order.text(0), keepAlive);
    String found = receive(connection, connection.responseLength(), new Pace(0));
    expect(order.text(1), found);
    answers.incrementAndGet();
  }

  private String halfClose() throws IOException, InterruptedException {
    try (Connection connection = new Connection(this, halfClose, 0)) {
      connection.send(new byte[] {'C'}, 1);
      String hash = send(connection, order.number(0), order.number(1), new Pace(0));
      connection.endSending();
      expect(
          Hash.ofPayload(Payload.ANSWER_SEED, Payload.ANSWER_BYTES),
          receive(connection, Payload.ANSWER_BYTES, pace));
      expectEnd(connection);
      return hash;
    }
  }

  private String lateSend() throws IOException, InterruptedException {
    try (Connection connection = new Connection(this, halfClose, 0)) {
      connection.send(new byte[] {'S'}, 1);
      String greeting = receive(connection, Payload.ANSWER_BYTES, new Pace(0));
      expect(Hash.ofPayload(Payload.ANSWER_SEED, Payload.ANSWER_BYTES), greeting);
      expectEnd(connection);
      return send(connection, order.number(0), order.number(1), pace);
    }
  }

  /** Receives so many bytes; their hash. */
  private static String receive(Connection connection, long length, Pace pace)
      throws IOException, InterruptedException {
    Hash hash = new Hash();
    byte[] chunk = new byte[CHUNK_BYTES];
    while (hash.length() < length) {
      hash.add(chunk, readSome(connection, chunk, length - hash.length()));
      pace.reached(hash.length());
    }
    return hash.hex();
  }

  private static String send(Connection connection, long seed, long length, Pace pace)
      throws IOException, InterruptedException {
    Hash hash = new Hash();
    byte[] chunk = new byte[CHUNK_BYTES];
    try (Payload payload = new Payload(seed, length)) {
      for (int n = payload.read(chunk); n >= 0; n = payload.read(chunk)) {
        connection.send(chunk, n);
        hash.add(chunk, n);
        pace.reached(hash.length());
      }
    }
    return hash.hex();
  }

  private static int readSome(Connection connection, byte[] chunk, long most) throws IOException {
    int n = connection.read(chunk, most);
    if (n < 0) {
      throw new IOException("the stream ended " + most + " bytes too early");
    }
    return n;
  }

  private static void expectEnd(Connection connection) throws IOException {
    if (connection.read(new byte[1], 1) >= 0) {
      throw new IOException("the stream did not end where it should");
    }
  }

  private static void expect(String sha256, String found) throws IOException {
    if (!sha256.equals(found)) {
      throw new IOException("expected bytes with SHA-256 " + sha256 + ", got " + found);
    }
  }

  private Event event(Event.Kind kind, String sha256, String detail) {
    return new Event(
        kind,
        order.id(),
        sent.get(),
        received.get(),
        connections.get(),
        port.get(),
        answers.get(),
        sha256,
        detail);
  }
}

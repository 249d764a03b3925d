package dev.oxbow.service.testing;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.PacketBuffer.Received;
import dev.oxbow.fdpassing.message.UnixSockets;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A client that knows of the control protocol only what other languages' clients know: packets,
 * descriptors, JSON. Waiting ends after ten seconds. One thread at a time.
 */
public final class ControlPeer implements AutoCloseable {
  private static final int TIMEOUT_MS = 10_000;

  private final Descriptor socket;
  private final PacketBuffer buffer = new PacketBuffer();

  /**
   * What came in one packet, or in the memfd that a packet announced.
   *
   * @param inBody whether it came in a memfd
   */
  public record Incoming(JsonObject json, List<Descriptor> descriptors, boolean inBody)
      implements AutoCloseable {

    public String error() {
      return json.getJsonObject("error", new JsonObject()).getString("code", "no error");
    }

    public String why() {
      return json.getJsonObject("error", new JsonObject()).getString("message", "no error");
    }

    @Override
    public void close() {
      Descriptor.closeAll(descriptors);
    }
  }

  public ControlPeer(Descriptor socket) {
    this.socket = socket;
  }

  public static ControlPeer connect(Path path) {
    try {
      return new ControlPeer(UnixSockets.connect(path));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  public Descriptor socket() {
    return socket;
  }

  /** Sends a message as it stands. */
  public void send(String text, Descriptor... descriptors) {
    send(text.getBytes(StandardCharsets.UTF_8), List.of(descriptors));
  }

  public void send(byte[] bytes, List<Descriptor> descriptors) {
    while (!buffer.send(socket.fd(), bytes, descriptors)) {
      await(Sockets.POLLOUT, "send");
    }
  }

  /** Sends unless the service's queue is full. */
  public boolean trySend(String text, Descriptor... descriptors) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return buffer.send(socket.fd(), bytes, List.of(descriptors));
  }

  /** Sends a message in a memfd. */
  public void sendInBody(String inner, List<String> names, Descriptor... descriptors) {
    byte[] bytes = inner.getBytes(StandardCharsets.UTF_8);
    try (Descriptor body = Memfd.of("test-body", bytes)) {
      sendBody(body, names, descriptors);
    }
  }

  /** Announces a descriptor as the memfd that holds the message. */
  public void sendBody(Descriptor body, List<String> names, Descriptor... descriptors) {
    List<String> allNames = new ArrayList<>(List.of("body"));
    allNames.addAll(names);
    List<Descriptor> all = new ArrayList<>(List.of(body));
    all.addAll(List.of(descriptors));
    send(new MessageWriter().strings("fds", allNames).bytes(), all);
  }

  /** The next message, which must come. */
  public Incoming receive() {
    while (true) {
      Received received = buffer.receive(socket.fd());
      if (received == Received.PACKET) {
        return unpack(buffer.packet());
      }
      if (received == Received.NOTHING) {
        throw new AssertionError("end of connection");
      }
      await(Sockets.POLLIN, "receive");
    }
  }

  /** The text of the next packet, which must come. */
  public String raw() {
    await(Sockets.POLLIN, "receive");
    if (buffer.receive(socket.fd()) != Received.PACKET) {
      throw new AssertionError("end of connection");
    }
    return new String(buffer.packet().bytes(), StandardCharsets.UTF_8);
  }

  /** The text of the next event, whose descriptors are closed. */
  public String rawEvent() {
    String text = raw();
    Descriptor.closeAll(buffer.packet().descriptors());
    return text;
  }

  /** Sends a packet that is longer than the protocol allows. */
  public void sendLong(String text) {
    NativeMemory memory = NativeMemory.allocate(text.length());
    memory.putBytes(0, text.getBytes(StandardCharsets.US_ASCII), 0, text.length());
    Sockets.send(socket.fd(), memory.address(), text.length(), 0);
  }

  /** The next message, which must be an answer without descriptors. */
  public JsonObject answer() {
    try (Incoming incoming = receive()) {
      if (incoming.json.containsKey("event") || !incoming.descriptors.isEmpty()) {
        throw new AssertionError("not an answer: " + incoming);
      }
      return incoming.json;
    }
  }

  /** Sends a request and receives its answer; no event may be due. */
  public JsonObject ask(String request, Descriptor... descriptors) {
    send(request, descriptors);
    return answer();
  }

  /** Sends a request that must be refused; "code: message". */
  public String refused(String request, Descriptor... descriptors) {
    send(request, descriptors);
    return refusal();
  }

  /** The next message, which must be an error; "code: message". */
  public String refusal() {
    try (Incoming incoming = receive()) {
      if (!incoming.json.containsKey("error")) {
        throw new AssertionError("not refused: " + incoming.json);
      }
      return incoming.error() + ": " + incoming.why();
    }
  }

  /** Says hello and waits for the answer. */
  public ControlPeer hello(String app, boolean acks) {
    JsonObject answer =
        ask(
            new MessageWriter()
                .string("op", "hello")
                .number("id", 0)
                .string("app", app)
                .flag("acks", acks));
    if (!Boolean.TRUE.equals(answer.getBoolean("ok"))) {
      throw new AssertionError(answer.encode());
    }
    return this;
  }

  private JsonObject ask(MessageWriter request) {
    return ask(new String(request.bytes(), StandardCharsets.UTF_8));
  }

  /** The next message, which must be an event. */
  public Incoming event() {
    Incoming incoming = receive();
    if (!incoming.json.containsKey("event")) {
      incoming.close();
      throw new AssertionError("not an event: " + incoming.json);
    }
    return incoming;
  }

  /** Starts a relay; its id. */
  public String splice(Descriptor a, Descriptor b) {
    return splice("", a, b);
  }

  /**
   * Starts a relay; its id.
   *
   * @param more members such as {@code ,"maxBytes":1}
   */
  public String splice(String more, Descriptor a, Descriptor b) {
    JsonObject answer = ask("{\"op\":\"splice\",\"id\":1,\"fds\":[\"a\",\"b\"]" + more + "}", a, b);
    if (!answer.containsKey("relay")) {
      throw new AssertionError(answer.encode());
    }
    return answer.getString("relay");
  }

  public JsonObject stats() {
    return ask("{\"op\":\"stats\",\"id\":\"s\"}").getJsonObject("stats");
  }

  /** Whether nothing has come. */
  public boolean quiet() {
    return Sockets.poll(socket.fd(), Sockets.POLLIN, 0) == 0;
  }

  /** Waits for the end of the connection; an error instead of it fails. */
  public void awaitEnd() {
    while (true) {
      Received received = buffer.receive(socket.fd());
      if (received == Received.NOTHING) {
        return;
      }
      if (received == Received.PACKET) {
        throw new AssertionError(unpack(buffer.packet()).json.encode());
      }
      await(Sockets.POLLIN, "see the end");
    }
  }

  /** Whether the service has closed the connection, in whatever way. */
  public boolean ended() {
    try {
      return buffer.receive(socket.fd()) == Received.NOTHING;
    } catch (LinuxException e) {
      return true;
    }
  }

  private static Incoming unpack(Packet packet) {
    JsonObject json = new JsonObject(Buffer.buffer(packet.bytes()));
    List<Descriptor> descriptors = packet.descriptors();
    List<?> names = json.getJsonArray("fds", new io.vertx.core.json.JsonArray()).getList();
    if (names.size() != descriptors.size()) {
      throw new AssertionError(names + " named, attached: " + descriptors.size());
    }
    if (names.isEmpty() || !names.get(0).equals("body")) {
      return new Incoming(json, descriptors, false);
    }
    try (Descriptor body = descriptors.get(0)) {
      byte[] bytes = Memfd.read(body.fd(), 16 << 20);
      if (bytes == null) {
        throw new AssertionError("a message of more than 16 MiB");
      }
      JsonObject inner = new JsonObject(Buffer.buffer(bytes));
      return new Incoming(inner, descriptors.subList(1, descriptors.size()), true);
    }
  }

  private void await(int event, String what) {
    if (Sockets.poll(socket.fd(), event, TIMEOUT_MS) == 0) {
      throw new AssertionError("could not " + what + " for ten seconds");
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}

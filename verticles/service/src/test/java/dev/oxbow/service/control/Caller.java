package dev.oxbow.service.control;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** The far end of a control connection, packet by packet. Waiting ends after ten seconds. */
final class Caller implements AutoCloseable {
  private static final int TIMEOUT_MS = 10_000;

  private final Descriptor socket;
  private final PacketBuffer buffer = new PacketBuffer();

  Caller(Path path) throws IOException {
    socket = UnixSockets.connect(path);
  }

  /** Says who it is, and takes the answer. */
  Caller hello(boolean acks) {
    send("{\"op\":\"hello\",\"id\":\"hello\",\"app\":\"app\",\"acks\":" + acks + "}");
    String came = next();
    if (!came.equals("hello")) {
      throw new AssertionError(came);
    }
    return this;
  }

  void send(String json) {
    if (!trySend(json)) {
      throw new AssertionError("the queue is full");
    }
  }

  boolean trySend(String json) {
    return buffer.send(socket.fd(), json.getBytes(StandardCharsets.UTF_8), List.of());
  }

  /** Whether the other end makes room within a moment. */
  boolean canSend() {
    return Sockets.poll(socket.fd(), Sockets.POLLOUT, 100) != 0;
  }

  /** Sends a message in a memfd. */
  void sendBody(String json) {
    try (Descriptor body = Memfd.of("body", json.getBytes(StandardCharsets.UTF_8))) {
      byte[] outer = "{\"fds\":[\"body\"]}".getBytes(StandardCharsets.UTF_8);
      if (!buffer.send(socket.fd(), outer, List.of(body))) {
        throw new AssertionError("the queue is full");
      }
    }
  }

  /**
   * What comes next: an answer's id, or an event as {@code text#seq}, whose descriptor must be a
   * memfd that holds the text.
   */
  String next() {
    if (Sockets.poll(socket.fd(), Sockets.POLLIN, TIMEOUT_MS) == 0) {
      throw new AssertionError("nothing came");
    }
    if (buffer.receive(socket.fd()) != PacketBuffer.Received.PACKET) {
      throw new AssertionError("end of connection");
    }
    return read(buffer.packet());
  }

  private static String read(Packet packet) {
    List<Descriptor> descriptors = packet.descriptors();
    JsonObject json = new JsonObject(Buffer.buffer(packet.bytes()));
    try {
      if (new JsonArray().add("body").equals(json.getJsonArray("fds"))) {
        json = new JsonObject(Buffer.buffer(content(descriptors.get(0))));
      }
      if (!json.containsKey("event")) {
        return json.containsKey("error") ? json.encode() : String.valueOf(json.getValue("id"));
      }
      String text = json.getString("text");
      if (!text.equals(new String(content(descriptors.get(0)), StandardCharsets.UTF_8))) {
        throw new AssertionError("another descriptor than that of " + text);
      }
      return text + "#" + json.getLong("seq", 0L);
    } finally {
      Descriptor.closeAll(descriptors);
    }
  }

  private static byte[] content(Descriptor memfd) {
    byte[] bytes = Memfd.read(memfd.fd(), 1 << 24);
    if (bytes == null) {
      throw new AssertionError("a memfd that is too long");
    }
    return bytes;
  }

  /** Whether nothing comes for a while. */
  boolean quiet() {
    return Sockets.poll(socket.fd(), Sockets.POLLIN, 60) == 0;
  }

  @Override
  public void close() {
    socket.close();
  }
}

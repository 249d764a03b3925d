package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.PacketBuffer.Received;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The other end of a packet socket, driven by a test thread; waiting ends after ten seconds. */
final class PacketPeer implements AutoCloseable {
  private static final int TIMEOUT_MS = 10_000;

  private final Descriptor socket;
  private final PacketBuffer buffer = new PacketBuffer();

  PacketPeer(Descriptor socket) {
    this.socket = socket;
  }

  int fd() {
    return socket.fd();
  }

  void send(String text, Descriptor... descriptors) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    while (!buffer.send(socket.fd(), bytes, List.of(descriptors))) {
      await(Sockets.POLLOUT, "send");
    }
  }

  /** The next packet, which must come. */
  Packet receive() {
    while (true) {
      Received received = buffer.receive(socket.fd());
      if (received == Received.PACKET) {
        return buffer.packet();
      }
      if (received == Received.NOTHING) {
        throw new AssertionError("end of connection");
      }
      await(Sockets.POLLIN, "receive");
    }
  }

  @Override
  public void close() {
    socket.close();
  }

  private void await(int event, String what) {
    if (Sockets.poll(socket.fd(), event, TIMEOUT_MS) == 0) {
      throw new AssertionError("the peer could not " + what);
    }
  }
}

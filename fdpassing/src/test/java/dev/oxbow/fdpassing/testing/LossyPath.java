package dev.oxbow.fdpassing.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A way to a control socket that passes packets on with their descriptors, until one comes that it
 * was told to lose: then the connection is lost with it. One connection at a time.
 */
public final class LossyPath implements AutoCloseable {
  private static final int TICK_MS = 10;

  private final Path path;
  private final Path target;
  private final Descriptor listener;
  private final PacketBuffer buffer = new PacketBuffer();
  private final Thread thread = new Thread(this::run, "lossy-path");
  private volatile @Nullable String lost;
  private volatile boolean closed;

  /**
   * Listens.
   *
   * @param path where clients connect to
   * @param target where their packets go
   */
  public LossyPath(Path path, Path target) throws IOException {
    this.path = path;
    this.target = target;
    this.listener = UnixSockets.listen(path, file -> {});
    thread.start();
  }

  /** Loses the next packet, of either side, that contains a text. */
  public void lose(String text) {
    lost = text;
  }

  private void run() {
    while (!closed) {
      if (Sockets.poll(listener.fd(), Sockets.POLLIN, TICK_MS) != 0) {
        try (Descriptor client = Descriptor.adopt(Sockets.accept(listener.fd()));
            Descriptor service = UnixSockets.connect(target)) {
          boolean goesOn = true;
          while (goesOn && !closed) {
            goesOn = pass(client, service) && pass(service, client);
          }
        } catch (IOException e) {
          throw new AssertionError(e);
        }
      }
    }
  }

  /** Passes on what has come; false when the connection is over. */
  private boolean pass(Descriptor from, Descriptor to) {
    if (Sockets.poll(from.fd(), Sockets.POLLIN, TICK_MS) == 0) {
      return true;
    }
    try {
      if (buffer.receive(from.fd()) != PacketBuffer.Received.PACKET) {
        return false;
      }
    } catch (LinuxException e) {
      return false;
    }
    Packet packet = buffer.packet();
    try {
      String text = lost;
      if (text != null && new String(packet.bytes(), StandardCharsets.UTF_8).contains(text)) {
        lost = null;
        return false;
      }
      return buffer.send(to.fd(), packet.bytes(), packet.descriptors());
    } catch (LinuxException e) {
      return false;
    } finally {
      Descriptor.closeAll(packet.descriptors());
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      thread.join();
      listener.close();
      Files.deleteIfExists(path);
    } catch (InterruptedException | IOException e) {
      throw new AssertionError(e);
    }
  }
}

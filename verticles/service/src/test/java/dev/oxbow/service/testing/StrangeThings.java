package dev.oxbow.service.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Descriptors of all kinds, made by a child process. The file of a FUSE file system hangs whoever
 * closes it, reads it or asks for its size, until the child is gone.
 */
public final class StrangeThings implements AutoCloseable {
  private static final int TIMEOUT_MS = 10_000;

  private final Process child;
  private final Map<String, Descriptor> byKind = new LinkedHashMap<>();

  private StrangeThings(Process child) {
    this.child = child;
  }

  /**
   * Makes them.
   *
   * @param script its name among the test's resources; it sends each descriptor in a packet that
   *     holds its kind, and ends when its standard input does
   */
  public static StrangeThings make(Path directory, String script) {
    Path meeting = directory.resolve("things");
    try (Descriptor listener = UnixSockets.listen(meeting, file -> {})) {
      Path copy = Files.write(directory.resolve(script), resource(script));
      StrangeThings things =
          new StrangeThings(
              new ProcessBuilder("/usr/bin/python3", copy.toString(), meeting.toString())
                  .redirectError(ProcessBuilder.Redirect.INHERIT)
                  .start());
      things.receive(listener);
      return things;
    } catch (IOException e) {
      throw new AssertionError(e);
    } finally {
      meeting.toFile().delete();
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (var in = StrangeThings.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new AssertionError("no resource " + name);
      }
      return in.readAllBytes();
    }
  }

  private void receive(Descriptor listener) {
    PacketBuffer buffer = new PacketBuffer();
    if (Sockets.poll(listener.fd(), Sockets.POLLIN, TIMEOUT_MS) == 0) {
      throw new AssertionError("nobody came");
    }
    try (Descriptor way = Descriptor.adopt(Sockets.accept(listener.fd()))) {
      while (true) {
        Sockets.poll(way.fd(), Sockets.POLLIN, TIMEOUT_MS);
        if (buffer.receive(way.fd()) != PacketBuffer.Received.PACKET) {
          throw new AssertionError("the child ended early");
        }
        String kind = new String(buffer.packet().bytes(), StandardCharsets.UTF_8);
        if (kind.equals("end")) {
          return;
        }
        byKind.put(kind, buffer.packet().descriptors().get(0));
      }
    }
  }

  public Map<String, Descriptor> byKind() {
    return byKind;
  }

  @Override
  public void close() {
    try {
      child.getOutputStream().close();
      if (child.waitFor() != 0) {
        throw new AssertionError("the child failed");
      }
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
    byKind.values().forEach(StrangeThings::close);
  }

  /** The file system has gone, which is told when a file of it is closed. */
  private static void close(Descriptor descriptor) {
    try {
      descriptor.close();
    } catch (LinuxException e) {
      if (e.errno() != Errno.ECONNABORTED && e.errno() != Errno.ENOTCONN) {
        throw e;
      }
    }
  }
}

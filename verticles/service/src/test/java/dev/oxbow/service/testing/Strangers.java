package dev.oxbow.service.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Connections that belong to other users. A child process connects under another uid, which the
 * kernel remembers of the connection for good, and sends the socket here. Needs root.
 */
public final class Strangers {
  private static final int TIMEOUT_MS = 10_000;

  private static final String SCRIPT =
      """
      import array, socket, sys
      way = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      way.connect(sys.argv[2])
      for _ in range(int(sys.argv[3])):
          s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
          s.connect(sys.argv[1])
          if len(sys.argv) > 4:
              try:
                  s.send(sys.argv[4].encode())
              except BrokenPipeError:
                  pass  # refused before
          s.setblocking(False)
          rights = array.array("i", [s.fileno()])
          way.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
          s.close()
          way.recv(1)
      """;

  private Strangers() {}

  /** One connection of a uid that has the same gid and no other groups. */
  public static ControlPeer connect(ServedService service, int uid) {
    return connect(service, List.of("--reuid=" + uid, "--regid=" + uid, "--clear-groups"), 1)
        .get(0);
  }

  /** As {@link #connect(ServedService, int)}, and it has sent a message before it is let in. */
  public static ControlPeer connectAndSend(ServedService service, int uid, String message) {
    return connect(
            service, List.of("--reuid=" + uid, "--regid=" + uid, "--clear-groups"), 1, message)
        .get(0);
  }

  /**
   * Several connections.
   *
   * @param identity options of setpriv(1)
   */
  public static List<ControlPeer> connect(
      ServedService service, List<String> identity, int count, String... more) {
    return connect(service.directory(), service.socket(), identity, count, more);
  }

  /**
   * Several connections.
   *
   * @param directory that the child may enter
   * @param socket of the service
   */
  public static List<ControlPeer> connect(
      Path directory, Path socket, List<String> identity, int count, String... more) {
    Path meeting = directory.resolve("meeting");
    try (Descriptor listener =
        UnixSockets.listen(meeting, file -> Files.setAttribute(file, "unix:mode", 0666))) {
      List<String> command = new ArrayList<>(List.of("setpriv"));
      command.addAll(identity);
      command.addAll(List.of("/usr/bin/python3", "-c", SCRIPT, socket.toString()));
      command.addAll(List.of(meeting.toString(), String.valueOf(count)));
      command.addAll(List.of(more));
      Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
      child.getOutputStream().close();
      List<ControlPeer> peers = receive(listener, count, child);
      if (child.waitFor() != 0) {
        throw new AssertionError(output(child));
      }
      return peers;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      meeting.toFile().delete();
    }
  }

  private static List<ControlPeer> receive(Descriptor listener, int count, Process child)
      throws IOException {
    PacketBuffer buffer = new PacketBuffer();
    List<ControlPeer> peers = new ArrayList<>();
    if (Sockets.poll(listener.fd(), Sockets.POLLIN, TIMEOUT_MS) == 0) {
      throw new AssertionError("nobody came: " + output(child));
    }
    try (Descriptor way = Descriptor.adopt(Sockets.accept(listener.fd()))) {
      while (peers.size() < count) {
        Sockets.poll(way.fd(), Sockets.POLLIN, TIMEOUT_MS);
        if (buffer.receive(way.fd()) != PacketBuffer.Received.PACKET) {
          throw new AssertionError(output(child));
        }
        peers.add(new ControlPeer(buffer.packet().descriptors().get(0)));
        buffer.send(way.fd(), new byte[1], List.of());
      }
    }
    return peers;
  }

  private static String output(Process child) throws IOException {
    return new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}

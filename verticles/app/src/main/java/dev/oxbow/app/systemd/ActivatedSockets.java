package dev.oxbow.app.systemd;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Listening sockets that were opened for this process before it was started, sd_listen_fds(3):
 * {@code LISTEN_FDS} of them from descriptor 3 on, for {@code LISTEN_PID}, perhaps with {@code
 * LISTEN_FDNAMES}. They wait here until somebody takes them. Not thread-safe.
 */
public final class ActivatedSockets implements AutoCloseable {
  private static final int FIRST = 3;
  private static final int FAMILY_BYTES = 2;

  /** A socket with what it is called in messages. */
  private record Passed(Descriptor socket, String name) {
    StartException refused(String why) {
      return new StartException(this + " " + why + ".");
    }

    @Override
    public String toString() {
      return "LISTEN_FDS: descriptor " + socket.fd() + " (\"" + name + "\")";
    }
  }

  private final List<Passed> waiting;

  private ActivatedSockets(List<Passed> waiting) {
    this.waiting = waiting;
  }

  /** For a process that was not started by a service manager. */
  public static ActivatedSockets none() {
    return new ActivatedSockets(new ArrayList<>());
  }

  /**
   * Takes over what was passed; nothing when it was meant for another process. Children will not
   * inherit it.
   *
   * @param pid of this process
   * @throws StartException when a variable or a descriptor is not what it should be
   */
  public static ActivatedSockets of(Map<String, String> environment, long pid) {
    String count = environment.getOrDefault("LISTEN_FDS", "");
    if (count.isEmpty() || !Long.toString(pid).equals(environment.get("LISTEN_PID"))) {
      return new ActivatedSockets(new ArrayList<>());
    }
    if (!count.matches("\\d{1,5}")) {
      throw new StartException("LISTEN_FDS=" + count + " is not a number of descriptors.");
    }
    String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
    ActivatedSockets sockets = new ActivatedSockets(new ArrayList<>());
    for (int i = 0; i < Integer.parseInt(count); i++) {
      sockets.adopt(FIRST + i, i < names.length ? names[i] : "");
    }
    return sockets;
  }

  private void adopt(int fd, String name) {
    try {
      Syscalls.fcntl(fd, Syscalls.F_SETFD, Syscalls.FD_CLOEXEC);
      int flags = Syscalls.fcntl(fd, Syscalls.F_GETFL, 0);
      Syscalls.fcntl(fd, Syscalls.F_SETFL, flags | Syscalls.O_NONBLOCK);
    } catch (LinuxException e) {
      close();
      throw new StartException(
          "LISTEN_FDS: descriptor " + fd + " (\"" + name + "\") is not open.", e);
    }
    Passed passed = new Passed(Descriptor.adopt(fd), name);
    waiting.add(passed);
    if (Sockets.tryOption(fd, Sockets.SOL_SOCKET, Sockets.SO_ACCEPTCONN) != 1) {
      StartException refusal = passed.refused("is not a listening socket");
      close();
      throw refusal;
    }
  }

  /**
   * Takes the control socket of a service: one with the service's name, with or without {@code
   * .sock}, or bound to a path that ends in it.
   *
   * @return owned by the caller
   * @throws StartException when it is not AF_UNIX and SOCK_SEQPACKET
   */
  public Optional<Descriptor> takeControlSocket(String service) {
    String file = service + ".sock";
    for (Passed passed : waiting) {
      if (passed.name().equals(service) || passed.name().equals(file) || boundTo(passed, file)) {
        require(passed, Sockets.SO_DOMAIN, "AF_UNIX", Sockets.AF_UNIX);
        require(passed, Sockets.SO_TYPE, "SOCK_SEQPACKET", Sockets.SOCK_SEQPACKET);
        waiting.remove(passed);
        return Optional.of(passed.socket());
      }
    }
    return Optional.empty();
  }

  /**
   * Takes the TCP listener on a port, whatever its name.
   *
   * @return owned by the caller
   */
  public Optional<Descriptor> takeTcpListener(int port) {
    for (Iterator<Passed> i = waiting.iterator(); i.hasNext(); ) {
      Passed passed = i.next();
      int fd = passed.socket().fd();
      boolean stream = option(fd, Sockets.SO_TYPE) == Sockets.SOCK_STREAM;
      String address = SocketAddresses.text(Sockets.localAddress(fd));
      if (stream && address != null && address.endsWith(":" + port)) {
        i.remove();
        return Optional.of(passed.socket());
      }
    }
    return Optional.empty();
  }

  /**
   * Sees to it that no socket was passed in vain.
   *
   * @throws StartException naming the first that nobody has taken
   */
  public void requireAllTaken() {
    if (!waiting.isEmpty()) {
      throw waiting.get(0).refused("belongs to nothing that is switched on here");
    }
  }

  /** Closes those that nobody has taken. Idempotent. */
  @Override
  public void close() {
    waiting.forEach(passed -> passed.socket().close());
    waiting.clear();
  }

  private static void require(Passed passed, int option, String name, int value) {
    if (option(passed.socket().fd(), option) != value) {
      throw passed.refused("is not " + name + ", as ListenSequentialPacket= of systemd makes it");
    }
  }

  private static int option(int fd, int option) {
    return Sockets.option(fd, Sockets.SOL_SOCKET, option);
  }

  private static boolean boundTo(Passed passed, String file) {
    int fd = passed.socket().fd();
    if (option(fd, Sockets.SO_DOMAIN) != Sockets.AF_UNIX) {
      return false;
    }
    byte[] address = Sockets.localAddress(fd);
    int length = Math.max(0, address.length - FAMILY_BYTES);
    String path = new String(address, FAMILY_BYTES, length, StandardCharsets.UTF_8);
    return path.replace("\0", "").endsWith("/" + file);
  }
}

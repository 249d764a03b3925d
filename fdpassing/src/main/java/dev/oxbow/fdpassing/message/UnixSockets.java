package dev.oxbow.fdpassing.message;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.FileDescriptor;
import java.io.IOException;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.newsclub.net.unix.AFSocketType;
import org.newsclub.net.unix.AFUNIXDatagramSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.FileDescriptorCast;

/** Makes SOCK_SEQPACKET sockets in the file system. Blocking calls: not for an event loop. */
public final class UnixSockets {
  private static final int BACKLOG = 1024;

  private UnixSockets() {}

  /**
   * What must be done to a socket's file before anybody can find it, such as setting its mode and
   * group.
   */
  @FunctionalInterface
  public interface BeforeVisible {
    void prepare(Path file) throws IOException;
  }

  /**
   * Listens on a path. The socket is bound under another name and moved into place, so that the
   * path always leads to a socket that accepts and a stale file is replaced.
   *
   * @return a non-blocking listener; closing it leaves the path alone
   * @throws IOException naming the path
   */
  public static Descriptor listen(Path path, BeforeVisible beforeVisible) throws IOException {
    Path temporary = path.resolveSibling(path.getFileName() + "." + ProcessHandle.current().pid());
    Files.deleteIfExists(temporary);
    try (AFUNIXDatagramSocket socket =
        AFUNIXDatagramSocket.newInstance(AFSocketType.SOCK_SEQPACKET)) {
      socket.setDeleteOnClose(false);
      socket.setShutdownOnClose(false);
      socket.bind(AFUNIXSocketAddress.of(temporary));
      // Nobody can connect, not even by the other name, before it listens.
      beforeVisible.prepare(temporary);
      socket.listen(BACKLOG);
      Descriptor listener = take(socket.getFileDescriptor());
      try {
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        listener.close();
        throw e;
      }
      return listener;
    } catch (SocketException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Connects to a path.
   *
   * @return a non-blocking socket
   * @throws IOException naming the path, when nobody listens or access is denied
   */
  public static Descriptor connect(Path path) throws IOException {
    try (AFUNIXDatagramSocket socket =
        AFUNIXDatagramSocket.newInstance(AFSocketType.SOCK_SEQPACKET)) {
      socket.setShutdownOnClose(false);
      socket.connect(AFUNIXSocketAddress.of(path));
      return take(socket.getFileDescriptor());
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /** Two connected, non-blocking ends. */
  public static Descriptor[] pair() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_NONBLOCK);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  /** A descriptor of our own, so that junixsocket may close its object. */
  private static Descriptor take(FileDescriptor fd) throws IOException {
    int number = FileDescriptorCast.using(fd).as(Integer.class);
    int copy = Syscalls.fcntl(number, Syscalls.F_DUPFD_CLOEXEC, 3);
    Descriptor descriptor = Descriptor.adopt(copy);
    int flags = Syscalls.fcntl(copy, Syscalls.F_GETFL, 0);
    Syscalls.fcntl(copy, Syscalls.F_SETFL, flags | Syscalls.O_NONBLOCK);
    return descriptor;
  }
}

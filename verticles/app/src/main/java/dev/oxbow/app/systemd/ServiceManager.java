package dev.oxbow.app.systemd;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the service manager what this process does, in datagrams to {@code NOTIFY_SOCKET} as
 * sd_notify(3) describes them; {@code Type=notify-reload} of systemd 253 needs nothing else. Does
 * nothing where there is no manager. A manager that cannot be told is logged and does not stop the
 * service. Any thread; blocks while the manager's queue is full.
 *
 * <p>An upgrade in place is {@link #reloading()}, then {@link #mainPid} by the predecessor and
 * {@link #ready} by the successor; or {@link #ready} by the predecessor when it was rolled back.
 * STOPPING=1 is final for systemd since version 259: {@link #stopping()} is not to be called before
 * it is certain that this process, and not a successor, ends the service.
 */
public final class ServiceManager {
  private static final Logger log = LoggerFactory.getLogger(ServiceManager.class);

  // struct sockaddr_un, include/uapi/linux/un.h
  private static final int FAMILY_BYTES = 2;
  private static final int SUN_PATH_BYTES = 108;

  private final String socket;

  private ServiceManager(String socket) {
    this.socket = socket;
  }

  /**
   * The manager of this process.
   *
   * @param environment has {@code NOTIFY_SOCKET}, a path or an abstract name that begins with @
   */
  public static ServiceManager of(Map<String, String> environment) {
    String socket = environment.getOrDefault("NOTIFY_SOCKET", "");
    int bytes = socket.getBytes(StandardCharsets.UTF_8).length;
    if (!socket.isEmpty() && (!socket.matches("(?s)[/@].+") || bytes >= SUN_PATH_BYTES)) {
      log.warn("NOTIFY_SOCKET={}: neither a path nor an abstract name; nobody is told", socket);
      return new ServiceManager("");
    }
    return new ServiceManager(socket);
  }

  /**
   * The service serves; also the end of a reload, whether it changed anything or not.
   *
   * @param status one line for humans
   */
  public void ready(String status) {
    tell("READY=1\nSTATUS=" + line(status));
  }

  /** An upgrade has begun; {@link #ready} must follow. */
  public void reloading() {
    // On Linux nanoTime is CLOCK_MONOTONIC, and no other clock will do.
    tell("RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / 1000);
  }

  /** Another process is the service from here on; to be told by the one that was it before. */
  public void mainPid(long pid) {
    tell("MAINPID=" + pid);
  }

  /** The service ends, and no successor goes on. */
  public void stopping() {
    tell("STOPPING=1\nSTATUS=stopping");
  }

  /**
   * What the service does.
   *
   * @param status one line for humans
   */
  public void status(String status) {
    tell("STATUS=" + line(status));
  }

  private void tell(String message) {
    if (socket.isEmpty()) {
      return;
    }
    byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
    NativeMemory memory = NativeMemory.allocate(bytes.length);
    memory.putBytes(0, bytes, 0, bytes.length);
    try (Descriptor fd = Descriptor.adopt(Sockets.socket(Sockets.AF_UNIX, Sockets.SOCK_DGRAM))) {
      Sockets.connect(fd.fd(), address());
      Sockets.send(fd.fd(), memory.address(), bytes.length, 0);
    } catch (LinuxException e) {
      log.warn("NOTIFY_SOCKET={}: cannot be told: {}", socket, e.getMessage());
    }
  }

  /** struct sockaddr_un; an abstract name has a NUL for the @ and none at its end. */
  private byte[] address() {
    byte[] name = socket.getBytes(StandardCharsets.UTF_8);
    boolean isAbstract = socket.startsWith("@");
    if (isAbstract) {
      name[0] = 0;
    }
    return ByteBuffer.allocate(FAMILY_BYTES + name.length + (isAbstract ? 0 : 1))
        .order(ByteOrder.nativeOrder())
        .putShort((short) Sockets.AF_UNIX)
        .put(name)
        .array();
  }

  private static String line(String text) {
    return text.replace('\n', ' ');
  }
}

package dev.oxbow.service.runtime;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory of control sockets, pid file and lock, held by one process at a time. The lock is
 * an flock(2) on {@code oxbow.lock}, so it ends with its last descriptor, however the process ends,
 * and a successor can be given it. Blocking calls: not for an event loop.
 */
public final class RuntimeDirectory implements AutoCloseable {

  /** Name of the file that holds the pid of the process that serves. */
  public static final String PID_FILE = "oxbow.pid";

  /** Name of the locked file. It stays when the process ends: only its lock means something. */
  public static final String LOCK_FILE = "oxbow.lock";

  private static final Logger log = LoggerFactory.getLogger(RuntimeDirectory.class);
  private static final int LOCK_FILE_MODE = 0600;

  private final Path path;
  private final Descriptor lock;

  private RuntimeDirectory(Path path, Descriptor lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Makes the directory where it is missing, and takes its lock.
   *
   * @throws StartException when the directory cannot be made or written to, when its group may not
   *     be set, or when another process holds the lock
   */
  public static RuntimeDirectory open(OxbowOptions options) {
    Path path = options.getRuntimeDir();
    ControlOptions control = options.getControl();
    if (!Files.isDirectory(path)) {
      create(path, control);
    }
    if (!Files.isWritable(path)) {
      throw unwritable(path, "the directory may not be written to");
    }
    Descriptor lock = openLock(path);
    try {
      if (!Syscalls.tryLock(lock.fd())) {
        throw new StartException(
            "Another instance is alive in runtimeDir "
                + path
                + ownerOf(path).map(pid -> ": pid " + pid + ".").orElse("."));
      }
      // The lock's group means nothing; this finds out early whether sockets can get theirs.
      setGroup(path.resolve(LOCK_FILE), control);
      return adopt(path, lock);
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /**
   * Takes over a directory from its holder.
   *
   * @param lock the locked descriptor; owned by the new object
   */
  public static RuntimeDirectory adopt(Path path, Descriptor lock) {
    return new RuntimeDirectory(path, lock);
  }

  /** The pid of the living process that serves in a directory, if there is one. */
  public static Optional<Long> ownerOf(Path path) {
    try {
      long pid = Long.parseLong(Files.readString(path.resolve(PID_FILE)).strip());
      // A number can belong to another process by now: only the lock says that somebody serves.
      return ProcessHandle.of(pid)
          .filter(process -> process.isAlive() && isLocked(path.resolve(LOCK_FILE)))
          .map(ProcessHandle::pid);
    } catch (IOException | NumberFormatException e) {
      log.debug("no usable pid file in {}", path, e);
      return Optional.empty();
    }
  }

  private static boolean isLocked(Path file) {
    int fd = Syscalls.open(file.toString(), Syscalls.O_RDONLY | Syscalls.O_CLOEXEC, 0);
    try (Descriptor lock = Descriptor.adopt(fd)) {
      return !Syscalls.tryLock(lock.fd());
    }
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /** The locked descriptor, to be duplicated for a successor; owned by this object. */
  public Descriptor lock() {
    return lock;
  }

  /**
   * Listens on a socket in the directory that only this process's user may connect to.
   *
   * @throws StartException when that is not possible
   */
  public Descriptor listen(String name) {
    try {
      return UnixSockets.listen(
          path.resolve(name), file -> Files.setAttribute(file, "unix:mode", LOCK_FILE_MODE));
    } catch (IOException e) {
      throw unwritable(path, name + " cannot be made (" + e.getMessage() + ")");
    }
  }

  /** Removes a file of this process's; one that is missing or stays is no failure. */
  public void remove(String name) {
    try {
      Files.deleteIfExists(path.resolve(name));
    } catch (IOException e) {
      log.warn("{} stays: {}", path.resolve(name), e.getMessage());
    }
  }

  /**
   * Tells in the pid file that this process serves. The file is replaced by a rename, so that
   * nobody reads half of it.
   *
   * @throws StartException when it cannot be written
   */
  public void publishPid() {
    String pid = Long.toString(ProcessHandle.current().pid());
    Path temporary = path.resolve(PID_FILE + "." + pid);
    try {
      Files.writeString(temporary, pid + "\n");
      Files.move(temporary, path.resolve(PID_FILE), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw unwritable(path, "the pid file cannot be written: " + e.getMessage());
    }
  }

  /** Removes the pid file, when it is this process's, and gives the lock up. Idempotent. */
  @Override
  public void close() {
    if (!lock.isOpen()) {
      return;
    }
    try {
      if (ownerOf(path).equals(Optional.of(ProcessHandle.current().pid()))) {
        Files.deleteIfExists(path.resolve(PID_FILE));
      }
    } catch (IOException e) {
      log.warn("{} stays: {}", path.resolve(PID_FILE), e.getMessage());
    } finally {
      lock.close();
    }
  }

  private static void create(Path path, ControlOptions control) {
    try {
      if (path.getParent() != null) {
        Files.createDirectories(path.getParent());
      }
      Files.createDirectory(path);
      boolean complete = false;
      try {
        setGroup(path, control);
        Files.setAttribute(path, "unix:mode", control.getDirectoryMode());
        complete = true;
      } finally {
        // The next start would leave it as it is, with the wrong group and mode.
        if (!complete) {
          Files.delete(path);
        }
      }
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(path)) {
        throw unwritable(path, e.getFile() + " is in the way and is no directory");
      }
    } catch (IOException e) {
      throw unwritable(path, "it does not exist and cannot be made (" + e + ")");
    }
  }

  private static Descriptor openLock(Path path) {
    String file = path.resolve(LOCK_FILE).toString();
    int flags = Syscalls.O_RDWR | Syscalls.O_CREAT | Syscalls.O_CLOEXEC;
    try {
      return Descriptor.adopt(Syscalls.open(file, flags, LOCK_FILE_MODE));
    } catch (LinuxException e) {
      throw unwritable(path, file + " cannot be opened (" + e.getMessage() + ")");
    }
  }

  private static void setGroup(Path file, ControlOptions control) {
    String group = control.getSocketGroup();
    if (group == null) {
      return;
    }
    try {
      // Takes a number, too, when no group has it for a name.
      var lookup = file.getFileSystem().getUserPrincipalLookupService();
      Files.getFileAttributeView(file, PosixFileAttributeView.class)
          .setGroup(lookup.lookupPrincipalByGroupName(group));
    } catch (UserPrincipalNotFoundException e) {
      throw new StartException("control.socketGroup: there is no group " + group + ".", e);
    } catch (IOException e) {
      throw new StartException(
          "Missing right: uid "
              + Syscalls.effectiveUid()
              + " may not give files to the group "
              + group
              + " (control.socketGroup); start as root or as a member of that group.",
          e);
    }
  }

  private static StartException unwritable(Path path, String why) {
    return new StartException(
        "runtimeDir "
            + path
            + " is not usable for uid "
            + Syscalls.effectiveUid()
            + ": "
            + why
            + ".");
  }
}

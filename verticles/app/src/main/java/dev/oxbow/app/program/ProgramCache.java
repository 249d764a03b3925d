package dev.oxbow.app.program;

import dev.oxbow.fdpassing.libc.ProcessImage;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/**
 * The folder of private copies: one entry for each content of a jar, named by its SHA-256. Classes
 * are loaded from there, so it must be ours alone. An entry is in use while somebody holds the lock
 * on its file {@code in-use}. Loads nothing slow; blocking calls.
 */
final class ProgramCache {
  static final String JAR = "oxbow.jar";
  static final String IN_USE = "in-use";

  /** Begins the name of an entry that is being removed: nobody can enter it any more. */
  static final String REMOVED = "removed-";

  private static final int ATTEMPTS = 5;
  private static final int OTHERS_MAY_WRITE = 0022;
  private static final int OTHERS_MAY_ANYTHING = 0077;
  private static final int STICKY = 01000;

  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /** Of every copy: an archive of classes is refused when the time of its jar has changed. */
  private static final FileTime COPY_TIME = FileTime.fromMillis(946_684_800_000L);

  private final Path directory;

  private ProgramCache(Path directory) {
    this.directory = directory;
  }

  /**
   * A copy and the proof that it is in use.
   *
   * @param directory the entry
   * @param lock a descriptor that holds the shared lock and lives on across an exec
   */
  record Entry(Path directory, int lock) {
    Path jar() {
      return directory.resolve(JAR);
    }
  }

  /**
   * Where the cache of a user is: {@code OXBOW_CACHE}, else {@code XDG_CACHE_HOME/oxbow}, else
   * {@code /var/cache/oxbow} for root and {@code ~/.cache/oxbow} for others.
   *
   * @throws IOException when there is no such place
   */
  static Path place(Map<String, String> environment, long uid, Path home) throws IOException {
    String own = environment.getOrDefault("OXBOW_CACHE", "");
    if (!own.isEmpty()) {
      return Path.of(own).toAbsolutePath();
    }
    String users = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (users.startsWith("/")) {
      return Path.of(users, "oxbow");
    }
    if (uid == 0) {
      return Path.of("/var/cache/oxbow");
    }
    if (!home.isAbsolute()) {
      throw new IOException("uid " + uid + " has no home; OXBOW_CACHE can name a folder");
    }
    return home.resolve(".cache/oxbow");
  }

  /**
   * Opens a cache, made when missing.
   *
   * @param uid the effective uid of this process
   * @throws IOException when it cannot be made, or when others could change what is in it
   */
  static ProgramCache open(Path place, long uid) throws IOException {
    if (!Files.isDirectory(place)) {
      Files.createDirectories(place.getParent());
      makeDirectory(place);
    }
    Path real = place.toRealPath();
    if (owner(real) != uid) {
      throw new IOException(real + " belongs to uid " + owner(real) + ", not to uid " + uid);
    }
    if ((mode(real) & OTHERS_MAY_ANYTHING) != 0) {
      throw new IOException(real + " is open to others; its mode should be 0700");
    }
    for (Path above = real.getParent(); above != null; above = above.getParent()) {
      boolean shared = (mode(above) & OTHERS_MAY_WRITE) != 0 && (mode(above) & STICKY) == 0;
      if (shared || (owner(above) != uid && owner(above) != 0)) {
        throw new IOException(above + " can be changed by others than uid " + uid);
      }
    }
    return new ProgramCache(real);
  }

  /**
   * Finds or makes the copy of a jar, and marks it as used now.
   *
   * @throws IOException when it cannot be written, or when the jar is being written all the time
   */
  Entry enter(Path original) throws IOException {
    for (int i = 0; i < ATTEMPTS; i++) {
      Fingerprint content = Fingerprint.of(original);
      Path entry = directory.resolve(content.sha256());
      Path inUse = entry.resolve(IN_USE);
      makeDirectory(entry);
      int lock = ProcessImage.openShared(inUse.toString());
      boolean entered = false;
      try {
        // Not so when a clean-up came between: it removes only what it has locked.
        if (isSame(lock, inUse)) {
          Files.setLastModifiedTime(inUse, FileTime.fromMillis(System.currentTimeMillis()));
          entered = content.matches(entry.resolve(JAR)) || copy(original, entry, content);
        }
      } finally {
        if (!entered) {
          ProcessImage.close(lock);
        }
      }
      if (entered) {
        return new Entry(entry, lock);
      }
    }
    throw new IOException(original + " changes all the time");
  }

  /** Copies; false when the original is no longer what it was. */
  private static boolean copy(Path original, Path entry, Fingerprint content) throws IOException {
    Path temporary = entry.resolve(JAR + "." + ProcessHandle.current().pid());
    try {
      Files.copy(original, temporary, StandardCopyOption.REPLACE_EXISTING);
      Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rw-------"));
      if (!Fingerprint.of(temporary).equals(content)) {
        return false;
      }
      Files.setLastModifiedTime(temporary, COPY_TIME);
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(temporary, entry.resolve(JAR), StandardCopyOption.ATOMIC_MOVE);
      return true;
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static boolean isSame(int fd, Path file) throws IOException {
    try {
      return Files.isSameFile(Path.of("/proc/self/fd/" + fd), file);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void makeDirectory(Path path) throws IOException {
    try {
      Files.createDirectory(path, PRIVATE);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
    }
  }

  private static long owner(Path path) throws IOException {
    return (int) Files.getAttribute(path, "unix:uid") & 0xffffffffL;
  }

  private static int mode(Path path) throws IOException {
    return (int) Files.getAttribute(path, "unix:mode");
  }
}

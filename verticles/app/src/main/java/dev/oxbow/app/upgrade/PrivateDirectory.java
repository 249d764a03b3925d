package dev.oxbow.app.upgrade;

import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.RuntimeDirectory;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The runtime directory of a process that was told none: {@code oxbow-<pid>-<random>}, for this
 * user only, in {@code XDG_RUNTIME_DIR}, {@code /run} or {@code java.io.tmpdir}, the first that may
 * be written to. It keeps its name when another process takes over, and goes with the last of them.
 * Blocking calls.
 */
public final class PrivateDirectory {
  private static final Logger log = LoggerFactory.getLogger(PrivateDirectory.class);
  private static final String PREFIX = "oxbow-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d{1,10})-\\d{1,20}");

  private PrivateDirectory() {}

  /** What serves in a directory; its exit status. */
  @FunctionalInterface
  public interface Life {
    int in(Path directory) throws Exception;
  }

  /**
   * Lives in a directory that was chosen, or else in that of the process to take over from, or in
   * one that is made for it; those two are removed afterwards. Blocks.
   *
   * @param chosen null when none was
   * @return the exit status
   */
  public static int live(@Nullable Path chosen, Life life) throws Exception {
    if (chosen != null) {
      return life.in(chosen.toAbsolutePath());
    }
    NativeVertx.requireMachine();
    Path own = InPlace.directory().orElseGet(() -> make(System.getenv()));
    try {
      return life.in(own);
    } finally {
      remove(own);
    }
  }

  /**
   * Makes one, and removes those of processes that were killed.
   *
   * @param environment of this process
   * @throws StartException when none can be made
   */
  static Path make(Map<String, String> environment) {
    List<Path> places =
        List.of(
            Path.of(environment.getOrDefault("XDG_RUNTIME_DIR", "/run")),
            Path.of("/run"),
            Path.of(System.getProperty("java.io.tmpdir")));
    for (Path place : places) {
      if (place.isAbsolute() && Files.isDirectory(place) && Files.isWritable(place)) {
        try {
          removeAbandoned(place);
          return Files.createTempDirectory(place, PREFIX + ProcessHandle.current().pid() + "-");
        } catch (IOException e) {
          log.debug("no directory in {}", place, e);
        }
      }
    }
    throw new StartException(
        "No place for the hand-over socket: none of "
            + places
            + " can be written to; choose one"
            + " with --runtime-dir.");
  }

  private static void removeAbandoned(Path place) throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(place, PREFIX + "[0-9]*-[0-9]*")) {
      for (Path directory : all) {
        Matcher name = NAME.matcher(String.valueOf(directory.getFileName()));
        if (name.matches()
            && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()
            && isOwn(directory)) {
          remove(directory);
        }
      }
    }
  }

  /** Not a link, and not something that another user has put there. */
  private static boolean isOwn(Path directory) throws IOException {
    return Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)
        && Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS)
            instanceof Integer uid
        && Integer.toUnsignedLong(uid) == Syscalls.effectiveUid();
  }

  /** Removes one, unless a process serves in it. */
  static void remove(Path directory) {
    Path file = directory.resolve(RuntimeDirectory.LOCK_FILE);
    try (Descriptor lock = open(file)) {
      if (!Syscalls.tryLock(lock.fd())) {
        return;
      }
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
        for (Path each : files) {
          Files.deleteIfExists(each);
        }
      }
      Files.deleteIfExists(directory);
    } catch (IOException | LinuxException e) {
      log.debug("{} stays", directory, e);
    }
  }

  private static Descriptor open(Path file) {
    int flags = Syscalls.O_RDWR | Syscalls.O_CLOEXEC;
    return Descriptor.adopt(Syscalls.open(file.toString(), flags, 0));
  }
}

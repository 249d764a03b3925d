package dev.oxbow.app.program;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Removes copies that nobody uses, except for the newest few: a rollback to the version before is
 * fast then, too. Blocking calls.
 */
final class CacheCleaner {
  private static final Logger log = LoggerFactory.getLogger(CacheCleaner.class);

  /** Unused entries that stay. */
  static final int KEPT = 2;

  /** A start that has found its entry and not locked it yet takes less than that. */
  private static final long YOUNG_MS = 60_000;

  private CacheCleaner() {}

  /** An entry and when somebody last started from it. */
  private record Unused(Path entry, FileTime lastUse) {}

  /**
   * Cleans a cache.
   *
   * @param own the entry of this process
   * @param nowMs wall clock
   */
  static void clean(Path cache, Path own, long nowMs) throws IOException {
    List<Unused> unused = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(cache)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (name.startsWith(ProgramCache.REMOVED)) {
          delete(entry);
        } else if (name.matches("[0-9a-f]{64}") && !entry.equals(own)) {
          FileTime lastUse = lastUse(entry);
          if (lastUse != null) {
            unused.add(new Unused(entry, lastUse));
          }
        }
      }
    }
    unused.sort(Comparator.comparing(Unused::lastUse).reversed());
    for (Unused old : unused.subList(Math.min(KEPT, unused.size()), unused.size())) {
      remove(cache, old.entry(), nowMs);
    }
    deleteAbandoned(own);
  }

  /** When an entry was last used; null for one that is in use, or no entry. */
  private static @Nullable FileTime lastUse(Path entry) throws IOException {
    Path inUse = entry.resolve(ProgramCache.IN_USE);
    try (Descriptor lock = open(inUse)) {
      return lock != null && Syscalls.tryLock(lock.fd()) ? Files.getLastModifiedTime(inUse) : null;
    }
  }

  private static void remove(Path cache, Path entry, long nowMs) throws IOException {
    Path inUse = entry.resolve(ProgramCache.IN_USE);
    try (Descriptor lock = open(inUse)) {
      if (lock == null
          || !Syscalls.tryLock(lock.fd())
          || Files.getLastModifiedTime(inUse).toMillis() > nowMs - YOUNG_MS) {
        return;
      }
      Path removed = cache.resolve(ProgramCache.REMOVED + entry.getFileName());
      Files.move(entry, removed, StandardCopyOption.ATOMIC_MOVE);
      delete(removed);
      log.debug("removed an unused copy: {}", entry);
    }
  }

  private static @Nullable Descriptor open(Path file) {
    try {
      return Descriptor.adopt(
          Syscalls.open(file.toString(), Syscalls.O_RDWR | Syscalls.O_CLOEXEC, 0));
    } catch (LinuxException e) {
      log.debug("{}: {}", file, e.getMessage());
      return null;
    }
  }

  /** What a process that was killed while it copied has left. */
  private static void deleteAbandoned(Path entry) throws IOException {
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(entry, ProgramCache.JAR + ".[0-9]*")) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        long pid = Long.parseLong(name.substring(ProgramCache.JAR.length() + 1));
        if (ProcessHandle.of(pid).isEmpty()) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path path, @Nullable IOException failure)
              throws IOException {
            Files.deleteIfExists(path);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}

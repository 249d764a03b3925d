package dev.oxbow.app.program;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the cache in order while a process serves, on a thread of its own that begins a while after
 * the start: makes the archive of classes for the next start, in a child at low priority, and
 * removes old copies. What it cannot do is logged and done without.
 */
public final class CacheKeeper implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CacheKeeper.class);
  private static final int UNSAFE_OPTION = 24;
  private static final long MAKING_SECONDS = 120;
  private static final int LOCK_MODE = 0600;
  private static final String NEW = ".new.";

  /** They would open ports, or speak for this process. */
  private static final List<String> NOT_INHERITED =
      List.of(
          "NOTIFY_SOCKET",
          "LISTEN_PID",
          "LISTEN_FDS",
          "LISTEN_FDNAMES",
          "WATCHDOG_PID",
          "WATCHDOG_USEC",
          "JAVA_TOOL_OPTIONS",
          "JDK_JAVA_OPTIONS",
          "_JAVA_OPTIONS");

  /** A start and its first callers are through by then. */
  private static final long DELAY_MS = 5_000;

  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread;

  private CacheKeeper(Optional<PrivateCopy> copy) {
    this.thread = new Thread(() -> copy.ifPresent(this::keep), "program cache");
    thread.setDaemon(true);
  }

  /**
   * Begins.
   *
   * @param copy what this process runs from; without one there is nothing to do
   */
  public static CacheKeeper start(Optional<PrivateCopy> copy) {
    CacheKeeper keeper = new CacheKeeper(copy);
    keeper.thread.start();
    return keeper;
  }

  /** Ends it, with what it is making. Idempotent. */
  @Override
  public void close() {
    closed.countDown();
    thread.interrupt();
  }

  private void keep(PrivateCopy copy) {
    Path entry = copy.directory();
    try {
      if (closed.await(DELAY_MS, TimeUnit.MILLISECONDS)) {
        return;
      }
      CacheCleaner.clean(copy.cache(), entry, System.currentTimeMillis());
      if (ClassDataArchive.find(entry).isEmpty()) {
        make(copy);
      }
    } catch (IOException | LinuxException e) {
      log.warn("starts stay slow: {}: {}", entry, e.getMessage());
    } catch (InterruptedException e) {
      // Only close() interrupts this thread, and it has nothing else to do.
      log.debug("ended by the stop of the service");
    }
  }

  private static void make(PrivateCopy copy) throws IOException, InterruptedException {
    Path entry = copy.directory();
    Path making = entry.resolve(ClassDataArchive.thisJvm() + ".making");
    try (Descriptor lock =
        Descriptor.adopt(
            Syscalls.open(
                making.toString(),
                Syscalls.O_RDWR | Syscalls.O_CREAT | Syscalls.O_CLOEXEC,
                LOCK_MODE))) {
      if (!Syscalls.tryLock(lock.fd())) {
        log.debug("another process makes the archive of classes");
        return;
      }
      removeDamaged(entry);
      // A name of its own: the child of a process that was killed may still write another.
      Path archive =
          entry.resolve(ClassDataArchive.thisJvm() + NEW + ProcessHandle.current().pid());
      Path output = entry.resolve(ClassDataArchive.thisJvm() + ".log");
      long began = System.nanoTime();
      run(command(copy, archive), output);
      if (!Files.isRegularFile(archive)) {
        throw new IOException("no archive of classes was made; " + output + " may say why");
      }
      Path name = entry.resolve(ClassDataArchive.nameFor(Fingerprint.crc32cOf(archive)));
      Files.move(archive, name, StandardCopyOption.ATOMIC_MOVE);
      Files.deleteIfExists(output);
      log.debug("{} made in {} ms", name, (System.nanoTime() - began) / 1_000_000);
    }
  }

  /** Only the holder of the lock is here, so what is not whole will not become so. */
  private static void removeDamaged(Path entry) throws IOException {
    for (String pattern : List.of(".*.jsa", NEW + "*")) {
      try (DirectoryStream<Path> files =
          Files.newDirectoryStream(entry, ClassDataArchive.thisJvm() + pattern)) {
        for (Path file : files) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static List<String> command(PrivateCopy copy, Path archive) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ClassDataArchive.optionsToMake(archive));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"));
    if (Runtime.version().feature() >= UNSAFE_OPTION) {
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    command.add("-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"));
    command.addAll(List.of("-jar", copy.jar().toString(), "rehearse"));
    return command;
  }

  /** Runs a child at low priority to its end; it does not outlive this method. */
  private static void run(List<String> command, Path output)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(output.toFile());
    NOT_INHERITED.forEach(builder.environment()::remove);
    @Nullable Process child = null;
    try {
      child = builder.start();
      Priority.lower(child.pid());
      if (!child.waitFor(MAKING_SECONDS, TimeUnit.SECONDS) || child.exitValue() != 0) {
        throw new IOException("the rehearsal of a start failed; " + output + " may say why");
      }
    } finally {
      if (child != null) {
        child.destroyForcibly();
      }
    }
  }
}

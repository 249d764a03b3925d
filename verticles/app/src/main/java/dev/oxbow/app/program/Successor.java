package dev.oxbow.app.program;

import dev.oxbow.fdpassing.libc.LinuxException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process that is to take over, as its predecessor sees it.
 *
 * @param process a child of this process
 * @param lowered whether it runs at low priority until {@link #raise()}
 */
public record Successor(Process process, boolean lowered) {
  private static final Logger log = LoggerFactory.getLogger(Successor.class);

  /** Sockets of systemd belong to this process and travel as all others do. */
  private static final List<String> NOT_INHERITED =
      List.of("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES");

  /**
   * The command of the next process.
   *
   * @param configured from {@code handoff.command}; empty for the command that started this one:
   *     the same java, JVM options and arguments, and the jar by the path that it had, so that a
   *     jar that was replaced is the next version
   * @throws IOException when that command is not known
   */
  public static List<String> command(List<String> configured) throws IOException {
    if (!configured.isEmpty()) {
      return configured;
    }
    String classPath = System.getProperty("java.class.path");
    String original = System.getProperty(JavaCommand.ORIGINAL, classPath);
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    return JavaCommand.ofThisProcess().ofOriginal(java, Path.of(original).toAbsolutePath());
  }

  /**
   * Starts it in this process's working directory and environment, with this process's standard
   * output and error and nothing to read; of other descriptors it gets none. It runs at low
   * priority where that can be undone. Blocks, and may take the whole deadline when the program
   * hangs before it is executed: not for an event loop.
   *
   * @param environment variables that it gets besides this process's
   * @param deadlineMs how long the start of the program may take
   * @throws IOException when it cannot be executed or hangs; it is killed then
   */
  public static Successor start(
      List<String> command, Map<String, String> environment, long deadlineMs)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    NOT_INHERITED.forEach(builder.environment()::remove);
    builder.environment().putAll(environment);
    Process process = start(builder, deadlineMs);
    try {
      boolean lowered = Priority.mayRestore();
      if (lowered) {
        Priority.lowerSomewhat(process.pid());
      }
      return new Successor(process, lowered);
    } catch (IOException | LinuxException e) {
      process.destroyForcibly();
      throw new IOException(command.get(0) + " cannot be given low priority: " + e.getMessage(), e);
    }
  }

  static Process start(ProcessBuilder builder, long deadlineMs)
      throws IOException, InterruptedException {
    Set<Long> before = new HashSet<>(childPids());
    CompletableFuture<Process> started = new CompletableFuture<>();
    Thread starter =
        new Thread(
            () -> {
              try {
                started.complete(builder.start());
              } catch (IOException | RuntimeException e) {
                started.completeExceptionally(e);
              }
            },
            "start of the successor");
    starter.setDaemon(true);
    starter.start();
    try {
      return started.get(deadlineMs, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new IOException("The next process cannot be started: " + e.getMessage(), e);
    } catch (TimeoutException | InterruptedException e) {
      // ProcessBuilder waits for the exec: its end is the end of the waiting.
      ProcessHandle.current()
          .children()
          .filter(child -> !before.contains(child.pid()))
          .forEach(ProcessHandle::destroyForcibly);
      CompletableFuture<Void> unused = started.thenAccept(Process::destroyForcibly);
      if (e instanceof InterruptedException interrupted) {
        throw interrupted;
      }
      throw new IOException(
          builder.command().get(0) + " was not executed within " + deadlineMs + " ms", e);
    }
  }

  private static List<Long> childPids() {
    return ProcessHandle.current().children().map(ProcessHandle::pid).collect(Collectors.toList());
  }

  /** Gives it the priority of a process that serves. Blocks shortly. */
  public void raise() {
    if (!lowered) {
      return;
    }
    try {
      Priority.restore(process.pid());
    } catch (IOException | LinuxException e) {
      log.warn("the successor {} stays at low priority: {}", process.pid(), e.getMessage());
    }
  }
}

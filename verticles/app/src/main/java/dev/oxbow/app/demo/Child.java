package dev.oxbow.app.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A process of the demo; of one that is replaced in place, whoever serves now. Blocking calls, on
 * one thread.
 */
final class Child {
  private static final long LOOK_MS = 20;
  private static final long STOP_SECONDS = 10;

  /** State of /proc/net/tcp: include/net/tcp_states.h. */
  private static final String TCP_LISTEN = "0A";

  private final String name;
  private final Process process;
  private final Path stderr;
  private final ProcessBuilder.Redirect stdout;
  private volatile long pid;

  private Child(String name, Process process, Path stderr, ProcessBuilder.Redirect stdout) {
    this.name = name;
    this.process = process;
    this.stderr = stderr;
    this.stdout = stdout;
    this.pid = process.pid();
  }

  /**
   * Starts a process, which is killed at the end of the demo if it lives then.
   *
   * @param logs where its standard error goes, as {@code <name>.log}
   * @param stdout where its standard output goes
   */
  static Child start(
      String name,
      List<String> command,
      Path logs,
      ProcessBuilder.Redirect stdout,
      Cleanup cleanup) {
    return start(name, command, Map.of(), logs, stdout, cleanup);
  }

  /** As the other, with variables of the environment besides this process's. */
  static Child start(
      String name,
      List<String> command,
      Map<String, String> environment,
      Path logs,
      ProcessBuilder.Redirect stdout,
      Cleanup cleanup) {
    Path stderr = logs.resolve(name + ".log");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .redirectOutput(stdout)
              .redirectError(ProcessBuilder.Redirect.appendTo(stderr.toFile()));
      builder.environment().putAll(environment);
      Child child = new Child(name, builder.start(), stderr, stdout);
      cleanup.add(child::kill);
      return child;
    } catch (IOException e) {
      throw new UncheckedIOException(name + " cannot be started", e);
    }
  }

  /** Of whoever serves now. */
  long pid() {
    return pid;
  }

  String name() {
    return name;
  }

  /** Another process has taken over, with this one's standard output and error. */
  void replacedBy(long successor) {
    pid = successor;
  }

  Process process() {
    return process;
  }

  /** Sends SIGKILL. */
  void strike() {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  /** Sends SIGKILL and waits for the end. Idempotent. */
  void kill() throws InterruptedException {
    strike();
    awaitGone("is not killed");
  }

  /** Sends SIGTERM and waits for the end; whether its last words are that it stopped in order. */
  boolean stop() throws InterruptedException {
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
    awaitGone("does not stop");
    return lastWords().endsWith(": stopped");
  }

  /** A successor is no child of this process, so that nothing tells of its end. */
  private static void pause() throws InterruptedException {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MS));
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  private void awaitGone(String otherwise) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(STOP_SECONDS);
    while (ProcFiles.alive(pid)) {
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(name + " " + otherwise);
      }
      pause();
    }
  }

  /** Waits for the end; the exit status. */
  int awaitEnd(long seconds) throws InterruptedException {
    if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
      throw new IllegalStateException(name + " did not end within " + seconds + " s");
    }
    return process.exitValue();
  }

  /** Looks again and again until something is so. */
  void await(String what, long seconds, BooleanSupplier isSo) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!isSo.getAsBoolean()) {
      pause();
      if (!ProcFiles.alive(pid)) {
        throw new IllegalStateException(name + " has ended" + status() + ": " + lastWords());
      }
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(what + " was not so after " + seconds + " s");
      }
    }
  }

  /** How it ended; a successor is no child of this process, so that nobody knows. */
  private String status() throws InterruptedException {
    boolean known = pid == process.pid() && process.waitFor(1, TimeUnit.SECONDS);
    return known ? " with status " + process.exitValue() : "";
  }

  /** Whether somebody listens on a port in the network namespace of the process. */
  boolean hasListener(int port) {
    String suffix = String.format(Locale.ROOT, ":%04X", port);
    for (String table : new String[] {"tcp", "tcp6"}) {
      try {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid() + "/net/" + table))) {
          String[] fields = line.strip().split("\\s+", -1);
          if (fields[1].endsWith(suffix) && fields[3].equals(TCP_LISTEN)) {
            return true;
          }
        }
      } catch (IOException e) {
        return false;
      }
    }
    return false;
  }

  /** Whether its standard error has a text. */
  boolean said(String text) {
    return text().contains(text);
  }

  /** Its standard error so far. */
  String text() {
    try {
      return Files.readString(stderr);
    } catch (IOException e) {
      return "";
    }
  }

  /** Of its standard error; a JVM that cannot start says why on its standard output. */
  private String lastWords() {
    try {
      List<String> lines = new ArrayList<>();
      if (stdout.file() != null) {
        lines.addAll(Files.readAllLines(stdout.file().toPath()));
      }
      lines.addAll(Files.readAllLines(stderr));
      return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
    } catch (IOException e) {
      return "what it said cannot be read: " + e.getMessage();
    }
  }
}

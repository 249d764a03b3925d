package dev.oxbow.it.handoff;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A service that is upgraded in the course of a test: one process after the other, of which all
 * that live are killed at the end. What the next process is, is a script of the test's.
 */
final class RunningOxbow implements AutoCloseable {

  /** Long enough for a start on a busy machine; a group that hangs is seen soon. */
  static final String DEADLINES = "  deadlineMs: 6000\n  groupDeadlineMs: 250\n";

  private static final long PATIENCE_NANOS = 10_000_000_000L;

  /**
   * A predecessor has a second to end after the commit; then it is killed. As much again for a
   * machine on which the next process has not yet had its turn.
   */
  private static final long GONE_NANOS = 2_000_000_000L;

  /** The default of {@code splicer.idlePipes}. */
  private static final int IDLE_PIPES = 32;

  private static final String NEXT = "next";

  private final OxbowProcess first;

  private RunningOxbow(OxbowProcess first) {
    this.first = first;
  }

  /** How a service is started. */
  static final class Setup {
    private final Path folder;
    private String sections = "splicer: {}\n";
    private String deadlines = DEADLINES;
    private Path jar = OxbowProcess.builtJar();
    private final List<String> prefix = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private boolean scripted = true;

    private Setup(Path folder) {
      this.folder = folder;
      environment.put("OXBOW_CACHE", Path.of("target", "cache").toAbsolutePath().toString());
    }

    /** Other sections of the configuration than the default; not {@code handoff}. */
    Setup sections(String yaml) {
      sections = yaml;
      return this;
    }

    /** Keys of the section {@code handoff}. */
    Setup deadlines(String yaml) {
      deadlines = yaml;
      return this;
    }

    Setup jar(Path other) {
      jar = other;
      return this;
    }

    Setup prefix(String... words) {
      prefix.addAll(List.of(words));
      return this;
    }

    Setup environment(String name, String value) {
      environment.put(name, value);
      return this;
    }

    /** The next process is what the configuration has by default. */
    Setup ownCommand() {
      scripted = false;
      return this;
    }

    /** Starts it and waits until it serves. */
    RunningOxbow start() throws IOException {
      Path own = folder.resolve("a");
      String command = scripted ? "  command: [\"" + own.resolve(NEXT) + "\"]\n" : "";
      String all = sections + "handoff:\n" + command + deadlines;
      RunningOxbow service =
          new RunningOxbow(OxbowProcess.start(folder, "a", all, jar, prefix, environment));
      service.next("exec " + service.successor());
      try {
        service.first.awaitServing();
        return service;
      } catch (RuntimeException | AssertionError e) {
        service.close();
        throw e;
      }
    }
  }

  static Setup in(Path folder) {
    return new Setup(folder);
  }

  /** The shell words that start a successor. */
  String successor() {
    return "env -u OXBOW_FAULT " + quoted(OxbowProcess.run(OxbowProcess.builtJar(), folder()));
  }

  /** The shell words that start a successor with a fault. */
  String successor(String fault) {
    return "env OXBOW_FAULT="
        + fault
        + " "
        + quoted(OxbowProcess.run(OxbowProcess.builtJar(), folder()));
  }

  private static String quoted(List<String> words) {
    return words.stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
  }

  /** Says what the next process is, in words of the shell. */
  void next(String script) throws IOException {
    Path made = Files.writeString(folder().resolve("next.new"), "#!/bin/sh\n" + script + "\n");
    Files.setAttribute(made, "unix:mode", 0755);
    Files.move(made, folder().resolve(NEXT), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Other deadlines for the processes that start from here on. */
  void deadlines(String from, String to) throws IOException {
    Path config = folder().resolve("oxbow.yaml");
    Files.writeString(config, Files.readString(config).replace(from, to));
  }

  Path folder() {
    return first.folder();
  }

  Path runtimeDir() {
    return first.runtimeDir();
  }

  OxbowProcess first() {
    return first;
  }

  ControlPeer control() {
    return ControlPeer.connect(runtimeDir().resolve("splicer.sock"));
  }

  /** What all processes have logged, and what the JVM wrote of its own crash. */
  String log() {
    StringBuilder all = new StringBuilder(first.log());
    try (DirectoryStream<Path> crashes =
        Files.newDirectoryStream(Path.of(folder() + "/.."), "hs_err*")) {
      for (Path crash : crashes) {
        all.append(Files.readString(crash));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return all.toString();
  }

  /** The process that the pid file names. */
  long pid() {
    try {
      return Long.parseLong(Files.readString(runtimeDir().resolve("oxbow.pid")).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Asks for an upgrade by SIGHUP and waits for its end; the report. */
  JsonObject upgrade() throws Exception {
    forgetReport();
    signal(pid(), "HUP");
    return awaitReport();
  }

  /** Asks for an upgrade that must be committed; waits until the new process alone is there. */
  JsonObject upgradeInOrder() throws Exception {
    long before = pid();
    forgetReport();
    signal(before, "HUP");
    awaitGone(before);
    JsonObject report = awaitReport();
    if (!report.getString("outcome").equals("committed") || report.getString("reason") != null) {
      throw new AssertionError(report.encode() + "\n" + log());
    }
    awaitAlone(report.getJsonObject("to").getLong("pid"));
    if (pid() == before) {
      throw new AssertionError("the pid file was not replaced");
    }
    return report;
  }

  /** Waits until another process serves, or an upgrade has failed; the one before must end soon. */
  void awaitGone(long before) {
    Path file = runtimeDir().resolve("handoff.json");
    await("the upgrade is over", () -> pid() != before || (Files.exists(file) && rolledBack()));
    if (pid() == before) {
      return;
    }
    long since = System.nanoTime();
    await("the predecessor ends", () -> !isRunning(before));
    long took = System.nanoTime() - since;
    if (took > GONE_NANOS) {
      throw new AssertionError("ended after " + took / 1_000_000 + " ms\n" + log());
    }
  }

  private boolean rolledBack() {
    return awaitReport().getString("outcome").equals("rolled-back");
  }

  void forgetReport() throws IOException {
    Files.deleteIfExists(runtimeDir().resolve("handoff.json"));
  }

  /** The report of an upgrade that {@link #forgetReport} preceded. */
  JsonObject awaitReport() {
    Path file = runtimeDir().resolve("handoff.json");
    await("a report is there", () -> Files.exists(file));
    try {
      return new JsonObject(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a command of the program printed, and its exit status. */
  record Printed(int status, String text) {}

  /** Runs {@code oxbow upgrade} and such. */
  Printed command(String... words) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(OxbowProcess.java());
    command.addAll(List.of("-jar", OxbowProcess.builtJar().toString()));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Printed(process.waitFor(), text);
  }

  /** Waits until one process alone is there, and is the one that the pid file names. */
  void awaitAlone(long pid) {
    await("pid " + pid + " alone serves", () -> processes().equals(List.of(pid)) && pid() == pid);
  }

  /** As {@link Await#until}, and shows the log when it is in vain. */
  void await(String what, java.util.function.BooleanSupplier condition) {
    try {
      Await.until(what, condition);
    } catch (AssertionError e) {
      throw new AssertionError(what + "; there are " + processes() + "\n" + log(), e);
    }
  }

  /** All processes of this service that have not ended. */
  List<Long> processes() {
    String configured = folder().toString();
    return ProcessHandle.allProcesses()
        .map(ProcessHandle::pid)
        .filter(pid -> read(pid, "cmdline").contains(configured) && isRunning(pid))
        .sorted()
        .toList();
  }

  /** Whether a process has not ended; one that nobody has reaped has. */
  static boolean isRunning(long pid) {
    String stat = read(pid, "stat");
    return !stat.isEmpty() && stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
  }

  /** Whether a process was stopped by a signal. */
  static boolean isStopped(long pid) {
    String stat = read(pid, "stat");
    return !stat.isEmpty() && stat.charAt(stat.lastIndexOf(')') + 2) == 'T';
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file));
    } catch (IOException gone) {
      return "";
    }
  }

  static void signal(long pid, String signal) throws IOException, InterruptedException {
    int status = new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor();
    if (status != 0) {
      throw new AssertionError("no process " + pid);
    }
  }

  /**
   * How many descriptors of each kind a process has, but for pipes, of which the load wants more or
   * less, and what the JVM looks at for a moment.
   */
  static Map<String, Integer> descriptors(long pid) throws IOException {
    Map<String, Integer> kinds = new TreeMap<>();
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path link : links.toList()) {
        target(link)
            .map(to -> to.replaceAll("(socket|pipe):.*", "$1").replace(" (deleted)", ""))
            .filter(kind -> !kind.matches("pipe|/dev/null|/sys/.*|/proc/.*|.*\\.making"))
            .ifPresent(kind -> kinds.merge(kind, 1, Integer::sum));
      }
    }
    return kinds;
  }

  /** Waits until the process that serves has as many descriptors of each kind as it should. */
  void awaitDescriptors(Map<String, Integer> expected) throws IOException {
    long until = System.nanoTime() + PATIENCE_NANOS;
    Map<String, Integer> seen = descriptors(pid());
    while (!seen.equals(expected)) {
      if (System.nanoTime() > until) {
        throw new AssertionError("descriptors: " + seen + ", expected " + expected);
      }
      LockSupport.parkNanos(1_000_000);
      seen = descriptors(pid());
    }
  }

  /**
   * Waits until the process that serves holds both ends of as many pipes as it tells of, all of
   * them idle, and no more than may be. Nothing may be on the way any more.
   */
  void awaitPipes(ControlPeer control) {
    String[] seen = {""};
    // Each loop has one of its own, through which it looks at what it copies.
    int loops = Runtime.getRuntime().availableProcessors();
    try {
      Await.until(
          "no pipe is left over",
          () -> {
            JsonObject stats = control.stats();
            int pipes = stats.getInteger("pipes");
            int idle = stats.getInteger("idlePipes");
            long ends = pipeEnds(pid());
            seen[0] = pipes + " pipes, " + idle + " idle, and " + ends + " ends of pipes";
            return ends == 2L * (pipes + loops) && idle == pipes && pipes <= IDLE_PIPES;
          });
    } catch (AssertionError e) {
      throw new AssertionError(seen[0], e);
    }
  }

  /** Ends of pipes that a process holds, besides its standard input, output and error. */
  private static long pipeEnds(long pid) {
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      long ends = 0;
      for (Path link : links.toList()) {
        boolean standard = Integer.parseInt(link.getFileName().toString()) <= 2;
        ends += !standard && target(link).orElse("").startsWith("pipe:") ? 1 : 0;
      }
      return ends;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<String> target(Path link) throws IOException {
    try {
      return Optional.of(Files.readSymbolicLink(link).toString());
    } catch (NoSuchFileException gone) {
      return Optional.empty();
    }
  }

  @Override
  public void close() {
    // One that is about to start another may do so after it was looked for.
    Await.until(
        "all are dead",
        () -> {
          List<Long> left = processes();
          left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
          return left.isEmpty();
        });
    first.close();
  }
}

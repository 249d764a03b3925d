package dev.oxbow.it.process;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * {@code oxbow run} or {@code oxbow forward} with a folder of its own; whoever serves there at the
 * end is killed if it lives then.
 */
public final class OxbowProcess implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 30;

  private final Path folder;
  private final ProcessBuilder builder;
  private final Process process;

  private OxbowProcess(Path folder, ProcessBuilder builder) throws IOException {
    this.folder = folder;
    this.builder = builder;
    this.process = builder.start();
  }

  /** The jar that the build has made. */
  public static Path builtJar() {
    Path jar = Path.of(System.getProperty("oxbow.jar", "oxbow.jar")).toAbsolutePath().normalize();
    if (!Files.exists(jar)) {
      throw new AssertionError(jar + " is missing: build it first");
    }
    return jar;
  }

  /** Java with the options that tests need. */
  public static List<String> java() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+IgnoreUnrecognizedVMOptions",
        "--sun-misc-unsafe-memory-access=allow",
        "-XX:+UseSerialGC");
  }

  /**
   * Starts the service.
   *
   * @param folder gets configuration, runtime directory and log; more processes may share it
   * @param name of this one
   * @param prefix a command that executes what follows it; may be empty
   */
  static OxbowProcess start(
      Path folder, String name, Path jar, List<String> prefix, Map<String, String> environment)
      throws IOException {
    return start(folder, name, "splicer: {}\n", jar, prefix, environment);
  }

  /**
   * Starts the service.
   *
   * @param sections of the configuration, in YAML; the runtime directory comes by itself
   */
  public static OxbowProcess start(
      Path folder,
      String name,
      String sections,
      Path jar,
      List<String> prefix,
      Map<String, String> environment)
      throws IOException {
    Path own = Files.createDirectories(folder.resolve(name));
    Files.writeString(config(own), "runtimeDir: " + own.resolve("run") + "\n" + sections);
    ProcessBuilder builder = builder(folder, own, prefix, run(jar, own), environment);
    return new OxbowProcess(own, builder);
  }

  /**
   * Starts a forwarder; its access log is {@code access.json} in its folder.
   *
   * @param arguments besides those for its runtime directory and log
   */
  static OxbowProcess forward(
      Path folder,
      String name,
      Path jar,
      List<String> prefix,
      List<String> arguments,
      Map<String, String> environment)
      throws IOException {
    Path own = Files.createDirectories(folder.resolve(name));
    return logging("forward", folder, own, jar, prefix, arguments, environment);
  }

  /** Starts a gateway, likewise. */
  public static OxbowProcess gateway(
      Path folder, String name, Path jar, List<String> prefix, List<String> arguments)
      throws IOException {
    Path own = Files.createDirectories(folder.resolve(name));
    return logging("gateway", folder, own, jar, prefix, arguments, Map.of());
  }

  private static OxbowProcess logging(
      String command,
      Path folder,
      Path own,
      Path jar,
      List<String> prefix,
      List<String> arguments,
      Map<String, String> environment)
      throws IOException {
    List<String> all = new ArrayList<>(java());
    all.addAll(List.of("-jar", jar.toString(), command, "--log-format", "json"));
    all.addAll(List.of("--runtime-dir", own.resolve("run").toString()));
    all.addAll(arguments);
    ProcessBuilder builder =
        builder(folder, own, prefix, all, environment)
            .redirectErrorStream(false)
            .redirectOutput(own.resolve("access.json").toFile())
            .redirectError(own.resolve("log").toFile());
    return new OxbowProcess(own, builder);
  }

  private static ProcessBuilder builder(
      Path folder,
      Path own,
      List<String> prefix,
      List<String> program,
      Map<String, String> environment) {
    // Whoever runs the tests may ignore SIGHUP, and children inherit that.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=HUP"));
    command.addAll(prefix);
    command.addAll(program);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(own.resolve("log").toFile());
    builder.environment().put("OXBOW_CACHE", cache(folder).toString());
    builder.environment().putAll(environment);
    return builder;
  }

  /** The command that serves as a folder says. */
  public static List<String> run(Path jar, Path own) {
    List<String> command = new ArrayList<>(java());
    command.addAll(
        List.of("-jar", jar.toString(), "run", "-v", "--config", config(own).toString()));
    return command;
  }

  private static Path config(Path own) {
    return own.resolve("oxbow.yaml");
  }

  /** The cache that processes in a folder share. */
  public static Path cache(Path folder) {
    return folder.resolve("cache");
  }

  public OxbowProcess awaitServing() {
    Await.until(
        "serves",
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("ended: " + log());
          }
          return serves();
        });
    return this;
  }

  /** Waits until its log says something. */
  public OxbowProcess awaitLog(String text) {
    Await.until(
        text,
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("ended: " + log());
          }
          return log().contains(text);
        });
    return this;
  }

  /** Where its configuration, its log and its runtime directory are. */
  public Path folder() {
    return folder;
  }

  public Path runtimeDir() {
    return folder.resolve("run");
  }

  public long pid() {
    return process.pid();
  }

  public Process process() {
    return process;
  }

  public String log() {
    return read(folder.resolve("log"));
  }

  private static String read(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<String> commandLine() throws IOException {
    return List.of(Files.readString(Path.of("/proc/" + pid() + "/cmdline")).split("\0", -1));
  }

  /** Where its open descriptors lead. */
  List<String> descriptors() throws IOException {
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid() + "/fd"))) {
      List<String> targets = new ArrayList<>();
      for (Path link : links.toList()) {
        targets.add(Files.readSymbolicLink(link).toString());
      }
      return targets;
    }
  }

  /** Who serves now: this process, or one that has taken over. */
  public ProcessHandle serving() {
    return RuntimeDirectory.ownerOf(runtimeDir()).flatMap(ProcessHandle::of).orElseThrow();
  }

  /** Sends SIGHUP to whoever serves. */
  public void hangUp() throws IOException, InterruptedException {
    String[] kill = {"kill", "-HUP", Long.toString(serving().pid())};
    if (new ProcessBuilder(kill).start().waitFor() != 0) {
      throw new AssertionError("kill -HUP failed");
    }
  }

  /** Sends SIGHUP, and waits until another process serves. */
  public void upgrade() throws IOException, InterruptedException {
    ProcessHandle before = serving();
    hangUp();
    awaitSuccessorOf(before);
  }

  /** As {@link Await#until}, and shows the log when it is in vain. */
  public void await(String what, java.util.function.BooleanSupplier condition) {
    try {
      Await.until(what, condition);
    } catch (AssertionError e) {
      throw new AssertionError(what + "\n" + log() + read(accessFile()), e);
    }
  }

  /** Waits until another process serves, and the one before has ended. */
  public void awaitSuccessorOf(ProcessHandle before) {
    Await.until(
        "another process serves: " + log(),
        TimeUnit.SECONDS.toNanos(2 * PATIENCE_SECONDS),
        () ->
            gone(before)
                && RuntimeDirectory.ownerOf(runtimeDir())
                    .filter(pid -> pid != before.pid())
                    .isPresent());
  }

  private boolean serves() {
    return RuntimeDirectory.ownerOf(runtimeDir()).isPresent();
  }

  /**
   * Whether a process has ended, waited for or not: where pid 1 does not wait, zombies stay. One
   * with more threads is in the middle of execve(2).
   */
  private static boolean gone(ProcessHandle process) {
    try {
      String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return fields[0].equals("Z") && Integer.parseInt(fields[17]) <= 1;
    } catch (IOException e) {
      return true;
    }
  }

  /** Starts a process that is to take over and dies on the way, and waits for that. */
  void failToTakeOver(String fault) throws IOException, InterruptedException {
    builder.environment().put("OXBOW_TAKE_OVER", runtimeDir().resolve("handoff.sock").toString());
    builder.environment().put("OXBOW_FAULT", fault);
    Path log = folder.resolve("log");
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Process successor = builder.start();
    if (!successor.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      successor.destroyForcibly().waitFor();
      throw new AssertionError("a successor does not die by " + fault + ": " + log());
    }
  }

  /** The report of the last upgrade. */
  String report() throws IOException {
    return Files.readString(runtimeDir().resolve("handoff.json"));
  }

  /** The access log. */
  Path accessFile() {
    return folder.resolve("access.json");
  }

  /** The lines of the access log. */
  List<Message> accessLog() throws IOException {
    List<Message> lines = new ArrayList<>();
    for (String line : Files.readAllLines(accessFile())) {
      lines.add(Message.parse(line.getBytes(StandardCharsets.UTF_8)));
    }
    return lines;
  }

  /** Sends SIGTERM to whoever serves, and waits for its end. */
  public void stopServing() {
    ProcessHandle last = serving();
    last.destroy();
    Await.until("it stops: " + log(), () -> gone(last));
  }

  /** Sends SIGKILL to whoever serves, and waits for its end. */
  public void kill() {
    ProcessHandle last = serving();
    last.destroyForcibly();
    Await.until("it is killed", () -> gone(last));
  }

  /** Sends SIGTERM; the exit status. */
  public int stop() throws InterruptedException {
    process.destroy();
    return awaitEnd();
  }

  public int awaitEnd() throws InterruptedException {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("does not end: " + log());
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    RuntimeDirectory.ownerOf(runtimeDir())
        .flatMap(ProcessHandle::of)
        .ifPresent(ProcessHandle::destroyForcibly);
    process.destroyForcibly().onExit().join();
  }
}

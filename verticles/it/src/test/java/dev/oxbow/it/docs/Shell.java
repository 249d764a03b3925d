package dev.oxbow.it.docs;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A shell in an empty directory that has {@code ./oxbow}. Ports and the runtime directory of the
 * examples are exchanged for free ones on the way in, and back on the way out.
 */
final class Shell implements AutoCloseable {
  private static final int TIMEOUT_SECONDS = 60;
  private static final String DONE = "=== done ===";
  private static final List<String> PORTS = List.of("8080", "8000");
  private static final String RUNTIME_DIR = "/tmp/oxbow";

  private final Path directory;
  private final Process process;
  private final BufferedWriter in;
  private final BufferedReader out;
  private final List<String> ports;

  private Shell(Path directory) throws IOException {
    this.directory = directory;
    Path launcher = directory.resolve("oxbow");
    Files.writeString(launcher, "#!/bin/sh\nexec " + String.join(" ", program()) + " \"$@\"\n");
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    ProcessBuilder bash =
        new ProcessBuilder("bash").directory(directory.toFile()).redirectErrorStream(true);
    bash.environment().put("OXBOW_CACHE", directory.resolve("cache").toString());
    this.process = bash.start();
    this.in = process.outputWriter(StandardCharsets.UTF_8);
    this.out = process.inputReader(StandardCharsets.UTF_8);
    this.ports = List.of(freePort(), freePort());
  }

  static Shell open(Path directory) throws IOException {
    return new Shell(directory);
  }

  /** What the launcher of the project executes, without looking whether it must be built. */
  static List<String> program() {
    Path jar = Path.of(System.getProperty("oxbow.jar", "oxbow.jar")).toAbsolutePath();
    if (!Files.exists(jar)) {
      throw new AssertionError(jar + " is missing: build it first");
    }
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:+IgnoreUnrecognizedVMOptions",
        "--sun-misc-unsafe-memory-access=allow",
        "-jar",
        jar.toString());
  }

  private static String freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return Integer.toString(socket.getLocalPort());
    }
  }

  /**
   * Types the lines that begin with {@code $ }, each after the one before has ended, unless it runs
   * in the background, and as many lines were printed as are shown.
   *
   * @return commands and what they printed, as a terminal would show it
   */
  String run(String session) throws IOException {
    StringBuilder screen = new StringBuilder();
    for (String step : session.split("(?m)^(?=\\$ )", -1)) {
      if (step.isEmpty()) {
        continue;
      }
      String[] lines = step.split("\n", -1);
      screen.append(lines[0]).append('\n');
      String command = into(lines[0].substring(2));
      boolean background = command.endsWith("&");
      in.write(command + "\n" + (background ? "" : "echo '" + DONE + "'\n"));
      in.flush();
      screen.append(read(lines.length - 2, !background));
    }
    return screen.toString();
  }

  /** Reads as many lines as are expected, and up to the end of what runs in the foreground. */
  private String read(int expected, boolean foreground) throws IOException {
    StringBuilder lines = new StringBuilder();
    boolean done = !foreground;
    for (int count = 0; count < expected || !done; ) {
      String line = out.readLine();
      if (line == null) {
        throw new AssertionError("the shell ended after " + lines);
      }
      if (line.equals(DONE)) {
        done = true;
      } else {
        lines.append(outOf(line)).append('\n');
        count++;
      }
    }
    return lines.toString();
  }

  private String into(String command) {
    String changed = command.replace(RUNTIME_DIR, directory.resolve("run").toString());
    for (int i = 0; i < PORTS.size(); i++) {
      changed = changed.replaceAll("\\b" + PORTS.get(i) + "\\b", ports.get(i));
    }
    return changed;
  }

  private String outOf(String line) {
    return line.replace(directory.resolve("run").toString(), RUNTIME_DIR);
  }

  /** Ends what runs in the background, then the shell. */
  @Override
  public void close() throws IOException {
    in.write("kill $(jobs -p) 2>/dev/null; wait\nexit\n");
    in.close();
    out.lines().forEach(line -> {});
    process.onExit().orTimeout(TIMEOUT_SECONDS, TimeUnit.SECONDS).join();
  }
}

package dev.oxbow.it.docs;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
  private final List<String> ports = new ArrayList<>();

  private Shell(Path directory) throws IOException {
    this.directory = directory;
    Path jar = Path.of(System.getProperty("oxbow.jar", "oxbow.jar")).toAbsolutePath();
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Path launcher = directory.resolve("oxbow");
    Files.writeString(launcher, "#!/bin/sh\nexec " + java + " -jar " + jar + " \"$@\"\n");
    Files.setPosixFilePermissions(
        launcher, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.createSymbolicLink(directory.resolve("config"), Markdown.ROOT.resolve("config"));
    this.process =
        new ProcessBuilder("bash").directory(directory.toFile()).redirectErrorStream(true).start();
    this.in = process.outputWriter(StandardCharsets.UTF_8);
    this.out = process.inputReader(StandardCharsets.UTF_8);
    for (String port : PORTS) {
      ports.add(Integer.toString(freePort()));
    }
  }

  static Shell open(Path directory) throws IOException {
    return new Shell(directory);
  }

  private static int freePort() throws IOException {
    try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /**
   * Types the lines that begin with {@code $ }. A command in the background has printed as many
   * lines as are shown below it before the next one is typed.
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
      int shown = lines.length - 2;
      for (int i = 0; !background || i < shown; i++) {
        String line = out.readLine();
        if (line == null) {
          throw new AssertionError("the shell ended after " + screen);
        }
        if (line.equals(DONE)) {
          break;
        }
        screen.append(outOf(line)).append('\n');
      }
    }
    return screen.toString();
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
  public void close() throws IOException, InterruptedException {
    in.write("kill $(jobs -p) 2>/dev/null; wait\nexit\n");
    in.close();
    while (out.readLine() != null) {
      continue;
    }
    if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the shell did not end");
    }
  }
}

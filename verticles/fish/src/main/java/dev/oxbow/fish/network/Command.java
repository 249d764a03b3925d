package dev.oxbow.fish.network;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that is waited for, in the calling thread's network namespace. */
final class Command {
  private static final int TIMEOUT_SECONDS = 20;

  private Command() {}

  /**
   * Runs it to its end.
   *
   * @param input for its standard input
   * @return what it said
   * @throws NetworkException with what it said, when it fails or cannot be started
   */
  static String run(String input, String... command) {
    String name = command[0];
    try {
      Path said = Files.createTempFile("oxbow", ".out");
      try {
        return run(name, input, said, command);
      } finally {
        Files.delete(said);
      }
    } catch (IOException e) {
      throw new NetworkException(name + " cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(name + " was interrupted", e);
    }
  }

  /** Its output goes to a file: reading a pipe to its end would have no time limit. */
  private static String run(String name, String input, Path said, String... command)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(List.of(command))
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    }
    if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new NetworkException(name + " did not end within " + TIMEOUT_SECONDS + " s");
    }
    String text = Files.readString(said);
    if (process.exitValue() != 0) {
      throw new NetworkException(name + " failed: " + text.strip());
    }
    return text;
  }
}

package dev.oxbow.fish.network;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that is waited for, in the calling thread's network namespace. */
final class Command {
  private static final int TIMEOUT_SECONDS = 20;
  private static final int OUTPUT_BYTES = 4096;

  private Command() {}

  /**
   * Runs it to its end.
   *
   * @param input for its standard input
   * @throws NetworkException with what it said, when it fails or cannot be started
   */
  static void run(String input, String... command) {
    String name = command[0];
    try {
      Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
      try (OutputStream in = process.getOutputStream()) {
        in.write(input.getBytes(StandardCharsets.UTF_8));
      }
      byte[] said = process.getInputStream().readNBytes(OUTPUT_BYTES);
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new NetworkException(name + " did not end within " + TIMEOUT_SECONDS + " s");
      }
      if (process.exitValue() != 0) {
        String words = new String(said, StandardCharsets.UTF_8).strip();
        throw new NetworkException(name + " failed: " + words);
      }
    } catch (IOException e) {
      throw new NetworkException(name + " cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(name + " was interrupted", e);
    }
  }
}

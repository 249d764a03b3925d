package dev.oxbow.app.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Short programs that are waited for. */
final class Shell {

  /**
   * How a program ended.
   *
   * @param status its exit status
   * @param text what it wrote to standard output and standard error
   */
  record Result(int status, String text) {
    boolean ok() {
      return status == 0;
    }
  }

  private Shell() {}

  /** Runs a program to its end. */
  static Result run(List<String> command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), text.strip());
    } catch (IOException e) {
      throw new UncheckedIOException(String.join(" ", command), e);
    }
  }
}

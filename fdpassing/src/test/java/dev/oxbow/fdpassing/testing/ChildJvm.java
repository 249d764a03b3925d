package dev.oxbow.fdpassing.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a main class of the test class path in a JVM of its own, for what would harm this one. */
public final class ChildJvm {
  private static final int TIMEOUT_SECONDS = 60;

  private ChildJvm() {}

  /**
   * Runs a class to its end.
   *
   * @param prefix a command that executes what follows it with another limit or identity, such as
   *     prlimit(1); may be empty
   * @return what it printed
   * @throws AssertionError with what it printed, when it does not exit with 0
   */
  public static String run(List<String> prefix, Class<?> main, String... arguments)
      throws Exception {
    Process process = start(prefix, main, arguments);
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new AssertionError(main.getSimpleName() + " failed: " + output);
    }
    return output;
  }

  /**
   * Starts a class; the caller ends the process.
   *
   * @param prefix as in {@link #run}
   * @return its standard output carries its standard error too
   */
  public static Process start(List<String> prefix, Class<?> main, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+IgnoreUnrecognizedVMOptions", "-XX:+UseSerialGC"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--sun-misc-unsafe-memory-access=allow");
    String classPath = System.getProperty("java.class.path");
    command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", classPath)));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }
}

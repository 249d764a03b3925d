package dev.oxbow.app.process;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line that starts this same program, on the same Java, once more. */
public final class Self {
  private static final int FIRST_WITH_UNSAFE_OPTION = 24;

  private Self() {}

  /** Java, its options and the jar, followed by arguments. */
  public static List<String> command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    if (Runtime.version().feature() >= FIRST_WITH_UNSAFE_OPTION) {
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    String classPath = System.getProperty("java.class.path");
    if (classPath.endsWith(".jar") && !classPath.contains(":")) {
      command.addAll(List.of("-jar", Path.of(classPath).toAbsolutePath().toString()));
    } else {
      command.addAll(List.of("-cp", classPath, "dev.oxbow.app.Oxbow"));
    }
    command.addAll(List.of(arguments));
    return command;
  }
}

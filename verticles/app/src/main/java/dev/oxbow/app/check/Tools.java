package dev.oxbow.app.check;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Programs and devices that only some commands use. */
public final class Tools {
  private static final List<String> SYSTEM_DIRECTORIES =
      List.of("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin");

  private Tools() {}

  /** Where a program is: on the PATH, or where system programs are. */
  public static Optional<Path> find(String program) {
    String path = System.getenv().getOrDefault("PATH", "");
    return java.util.stream.Stream.concat(
            java.util.Arrays.stream(path.split(":", -1)), SYSTEM_DIRECTORIES.stream())
        .filter(directory -> !directory.isEmpty())
        .map(directory -> Path.of(directory, program))
        .filter(file -> Files.isExecutable(file) && !Files.isDirectory(file))
        .findFirst();
  }

  /**
   * What `oxbow demo`, `oxbow gateway` and the integration tests use.
   *
   * @param packets whether to look at what packets need, too
   */
  static List<Finding> examine(boolean packets) {
    List<Finding> findings = new ArrayList<>(programs());
    if (packets && !Machine.cLibrary().fatal()) {
      findings.addAll(PacketsCheck.examine(false));
    }
    return findings;
  }

  private static List<Finding> programs() {
    return List.of(
        program("ip", "iproute2", "`oxbow demo` makes its network namespaces with it"),
        program("nginx", "nginx-light", "`oxbow demo` uses it as origin, else one of its own"),
        program("curl", "curl", "`oxbow demo` adds it to its own clients"),
        program("nft", "nftables", "for the rules of Fish"));
  }

  private static Finding program(String name, String debianPackage, String use) {
    return find(name)
        .map(file -> Finding.ok(name, file.toString()))
        .orElseGet(() -> Finding.optional(name, use, "apt-get install " + debianPackage));
  }
}

package dev.oxbow.fdpassing.testing;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The descriptors of this process at one moment, as /proc/self/fd shows them: number to target.
 * Regular files are left out, because the JVM opens jars and libraries when it likes; sockets,
 * pipes, memfds, devices, namespaces and anonymous inodes are in.
 */
public final class OpenDescriptors {
  private static final Path SELF = Path.of("/proc/self/fd");

  private final Map<Integer, String> targets;

  private OpenDescriptors(Map<Integer, String> targets) {
    this.targets = targets;
  }

  /** What is open now. */
  public static OpenDescriptors now() {
    Map<Integer, String> targets = new TreeMap<>();
    String[] numbers = new File("/proc/self/fd").list();
    if (numbers == null) {
      throw new IllegalStateException("cannot list " + SELF);
    }
    for (String number : numbers) {
      String target = target(number);
      if (counts(target)) {
        targets.put(Integer.valueOf(number), target);
      }
    }
    return new OpenDescriptors(targets);
  }

  /**
   * What is here and was not there. Compared by target, so that a number that changes hands does
   * not count, and a second descriptor of the same socket does.
   */
  public OpenDescriptors minus(OpenDescriptors before) {
    Map<String, Integer> known = new HashMap<>();
    before.targets.values().forEach(target -> known.merge(target, 1, Integer::sum));
    Map<Integer, String> more = new TreeMap<>();
    targets.forEach(
        (number, target) -> {
          if (known.merge(target, -1, Integer::sum) < 0) {
            more.put(number, target);
          }
        });
    return new OpenDescriptors(more);
  }

  /** How many there are. */
  public int count() {
    return targets.size();
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return targets.isEmpty();
  }

  @Override
  public String toString() {
    return targets.toString();
  }

  /** Where a link leads; empty when it went away meanwhile, as that of the listing itself does. */
  private static String target(String number) {
    try {
      return Files.readSymbolicLink(SELF.resolve(number)).toString();
    } catch (IOException gone) {
      return "";
    }
  }

  private static boolean counts(String target) {
    if (target.startsWith("/memfd:")) {
      return true;
    }
    if (target.startsWith("/dev/")) {
      return !target.endsWith("random") && !target.equals("/dev/null");
    }
    return !target.isEmpty() && !target.startsWith("/");
  }
}

package dev.oxbow.app.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** What proc(5) tells of a process. */
final class ProcFiles {
  private static final String RSS = "VmRSS:";

  /** Fields of /proc/PID/stat after the name, which is the second: proc_pid_stat(5). */
  private static final int STATE = 0;

  private static final int THREADS = 17;

  private ProcFiles() {}

  /**
   * How many open descriptors of each kind a process has: socket, pipe, file. Without those of
   * standard input and output, which a successor has from elsewhere.
   */
  static Map<String, Integer> descriptors(long pid) {
    Map<String, Integer> kinds = new TreeMap<>(Map.of("socket", 0, "pipe", 0, "other", 0));
    try (var descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      descriptors
          .filter(descriptor -> !descriptor.getFileName().toString().matches("[012]"))
          .forEach(descriptor -> kinds.merge(kind(descriptor), 1, Integer::sum));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    kinds.remove("gone");
    return kinds;
  }

  /**
   * Whether a process runs: it is there, and not a zombie that nobody has waited for. While a
   * program becomes another one from a thread that is not its first (execve(2)), the first one is a
   * zombie, too: not alone until that thread takes its place, and so never at two looks.
   */
  static boolean alive(long pid) {
    for (int look = 0; look < 2; look++) {
      if (runs(pid)) {
        return true;
      }
    }
    return false;
  }

  private static boolean runs(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return !fields[STATE].equals("Z") || Integer.parseInt(fields[THREADS]) > 1;
    } catch (IOException e) {
      return false;
    }
  }

  /** Resident memory of a process in bytes; 0 when it is gone. */
  static long residentBytes(long pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith(RSS)) {
          return Long.parseLong(line.substring(RSS.length()).replace("kB", "").strip()) << 10;
        }
      }
      return 0;
    } catch (IOException e) {
      return 0;
    }
  }

  private static String kind(Path descriptor) {
    try {
      String target = Files.readSymbolicLink(descriptor).toString();
      return target.startsWith("socket:")
          ? "socket"
          : target.startsWith("pipe:") ? "pipe" : "other";
    } catch (NoSuchFileException e) {
      return "gone";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

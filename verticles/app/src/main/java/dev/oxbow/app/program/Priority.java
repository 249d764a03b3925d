package dev.oxbow.app.program;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * The nice value of another process, all its threads. On Linux each thread has its own and passes
 * it on to those that it makes, so setting goes on until no thread is new.
 */
public final class Priority {
  private static final int LOWEST = 19;

  /** A third of this process's share: gets on, and still gives way to who wakes up. */
  private static final int SOMEWHAT = 5;

  private static final int CAP_SYS_NICE = 23;

  /** Behind the name in /proc/pid/stat, whose blanks do not count. */
  private static final int NICE_FIELD = 16;

  private Priority() {}

  /** Lets a process have what others leave of the processors. One that has ended is left alone. */
  public static void lower(long pid) throws IOException {
    set(pid, LOWEST);
  }

  /** As {@link #lower}, but with a share that lets it get on under load. */
  public static void lowerSomewhat(long pid) throws IOException {
    set(pid, Math.min(LOWEST, own() + SOMEWHAT));
  }

  /** Lowers the calling thread, and those that it makes from here on, for good. */
  public static void lowerThisThread() throws IOException {
    Syscalls.setNice(0, Math.min(LOWEST, own() + SOMEWHAT));
  }

  /** The nice value that this process was given, from proc(5). */
  private static int own() throws IOException {
    String stat = Files.readString(Path.of("/proc/self/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return Integer.parseInt(fields[NICE_FIELD]);
  }

  /**
   * Gives a process this one's own priority again. Only for who {@link #mayRestore()}.
   *
   * @throws LinuxException EACCES or EPERM for others
   */
  public static void restore(long pid) throws IOException {
    set(pid, own());
  }

  /** Whether this process has the right to undo {@link #lower}: else it had better not do it. */
  public static boolean mayRestore() throws IOException {
    if (Syscalls.lowestNice() <= own()) {
      return true;
    }
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("CapEff:")) {
        long effective = Long.parseUnsignedLong(line.substring(7).strip(), 16);
        return (effective >> CAP_SYS_NICE & 1) != 0;
      }
    }
    return false;
  }

  private static void set(long pid, int nice) throws IOException {
    Set<Integer> done = new HashSet<>();
    boolean found = true;
    while (found) {
      found = false;
      try (DirectoryStream<Path> threads =
          Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
        for (Path thread : threads) {
          int tid = Integer.parseInt(String.valueOf(thread.getFileName()));
          if (done.add(tid)) {
            found = true;
            set(tid, nice);
          }
        }
      } catch (NoSuchFileException | DirectoryIteratorException e) {
        // The process has ended.
        return;
      }
    }
  }

  private static void set(int tid, int nice) {
    try {
      Syscalls.setNice(tid, nice);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ESRCH) {
        throw e;
      }
    }
  }
}

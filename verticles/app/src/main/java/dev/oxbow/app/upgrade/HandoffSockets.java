package dev.oxbow.app.upgrade;

import dev.oxbow.handoff.upgrade.Plan;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Finds where a process listens for successors, from what proc(5) says of its sockets. That has the
 * name that a socket was bound to, before it was moved into place: its own with a suffix.
 */
final class HandoffSockets {

  /** Fields of a line of /proc/net/unix: the inode, and behind it the path. */
  private static final int INODE = 6;

  private static final int FIELDS = 8;

  private HandoffSockets() {}

  /**
   * The hand-over socket of a process.
   *
   * @throws IOException when there is no such process, it may not be looked at, or it has none
   */
  static Path of(long pid) throws IOException {
    Path process = Path.of("/proc/" + pid);
    Set<String> own = sockets(process);
    for (String line : Files.readAllLines(process.resolve("net/unix"))) {
      String[] fields = line.strip().split("\\s+", FIELDS);
      if (fields.length == FIELDS && own.contains("socket:[" + fields[INODE] + "]")) {
        Path bound = Path.of(fields[INODE + 1]);
        Path directory = bound.getParent();
        if (directory != null
            && directory.isAbsolute()
            && String.valueOf(bound.getFileName()).startsWith(Plan.SOCKET)) {
          return directory.resolve(Plan.SOCKET);
        }
      }
    }
    throw new IOException("process " + pid + " has no " + Plan.SOCKET);
  }

  private static Set<String> sockets(Path process) throws IOException {
    Set<String> targets = new HashSet<>();
    try (DirectoryStream<Path> links = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path link : links) {
        String target = targetOf(link);
        if (target.startsWith("socket:")) {
          targets.add(target);
        }
      }
    } catch (NoSuchFileException e) {
      throw new IOException("there is no process " + process.getFileName(), e);
    }
    return targets;
  }

  /** Empty for one that was closed meanwhile. */
  private static String targetOf(Path link) throws IOException {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (NoSuchFileException e) {
      return "";
    }
  }
}

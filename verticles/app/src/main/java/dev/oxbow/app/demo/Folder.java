package dev.oxbow.app.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The folder for configuration, files and logs of a demo. */
final class Folder {
  private static final String PREFIX = "oxbow-demo-";
  private static final String KEPT = "oxbow-logs-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d+)-\\d+");

  private Folder() {}

  /**
   * Makes it, after removing those of demos that were killed.
   *
   * @param keep leave it behind at the end
   */
  static Path make(Cleanup cleanup, boolean keep) throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    removeOrphans(temporary);
    if (keep) {
      return Files.createTempDirectory(temporary, KEPT);
    }
    long pid = ProcessHandle.current().pid();
    Path folder = Files.createTempDirectory(temporary, PREFIX + pid + "-");
    cleanup.add(() -> remove(folder));
    return folder;
  }

  /** Names carry the demo's pid: folders of pids that are gone belong to nobody. */
  private static void removeOrphans(Path temporary) throws IOException {
    List<Path> folders;
    try (var files = Files.list(temporary)) {
      folders = files.filter(Folder::isOrphan).toList();
    }
    for (Path folder : folders) {
      if (Files.getOwner(folder).equals(Files.getOwner(Path.of("/proc/self")))) {
        remove(folder);
      }
    }
  }

  private static boolean isOrphan(Path folder) {
    Matcher matcher = NAME.matcher(folder.getFileName().toString());
    return matcher.matches()
        && Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
        && ProcessHandle.of(Long.parseLong(matcher.group(1))).isEmpty();
  }

  /** Removes it with all that is in it; links are removed, not followed. */
  private static void remove(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}

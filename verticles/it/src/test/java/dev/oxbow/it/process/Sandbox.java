package dev.oxbow.it.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What units of systemd ask for a process, as far as it can be done without systemd: an ordinary
 * user with the capabilities, devices and limits that they name, and file systems that are
 * read-only but for a folder and a /tmp of its own.
 */
public final class Sandbox {
  private static final Path CONFIG = Path.of("..", "..", "config");

  /** The user. */
  public static final int USER = 4243;

  private static final String FILE_SYSTEMS =
      """
      set -e
      mount --make-rprivate /
      mount -t tmpfs tmpfs /mnt
      mkdir /mnt/own
      mount --bind "$1" /mnt/own
      mount -t tmpfs -o mode=1777 tmpfs /tmp
      mkdir -p "$1"
      mount --bind /mnt/own "$1"
      mount -o remount,bind,ro /
      mount -t tmpfs -o mode=755 tmpfs /dev
      mknod -m 666 /dev/null c 1 3
      mknod -m 666 /dev/zero c 1 5
      mknod -m 666 /dev/full c 1 7
      mknod -m 666 /dev/random c 1 8
      mknod -m 666 /dev/urandom c 1 9
      mkdir /dev/net
      case "$2" in */dev/net/tun*) mknod -m 666 /dev/net/tun c 10 200;; esac
      umask "$3"
      shift 3
      exec "$@"
      """;

  private final Map<String, List<String>> settings = new LinkedHashMap<>();

  private Sandbox() {}

  /**
   * What units of this project say.
   *
   * @param units below config; what a later one says is added
   */
  public static Sandbox of(String... units) throws IOException {
    Sandbox sandbox = new Sandbox();
    for (String unit : units) {
      for (String line : Files.readAllLines(CONFIG.resolve(unit))) {
        int equals = line.indexOf('=');
        if (equals > 0 && !line.startsWith("#")) {
          sandbox.add(line.substring(0, equals), line.substring(equals + 1));
        }
      }
    }
    return sandbox;
  }

  /** An empty value forgets those before. */
  private void add(String key, String value) {
    List<String> values = settings.computeIfAbsent(key, k -> new ArrayList<>());
    if (value.isEmpty()) {
      values.clear();
    } else {
      values.add(value);
    }
  }

  private String all(String key) {
    return String.join(" ", settings.getOrDefault(key, List.of()));
  }

  private String last(String key) {
    List<String> values = settings.getOrDefault(key, List.of(""));
    return values.get(values.size() - 1);
  }

  /** As setpriv(1) has them. */
  private String capabilities(String key) {
    StringBuilder words = new StringBuilder("-all");
    for (String name : all(key).split(" ", -1)) {
      if (!name.isEmpty()) {
        words.append(",+").append(name.toLowerCase(Locale.ROOT).replace("cap_", ""));
      }
    }
    return words.toString();
  }

  /** Gives a folder to the user, as CacheDirectory= and RuntimeDirectory= do. */
  public static Path give(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.setAttribute(folder, "unix:uid", USER);
    Files.setAttribute(folder, "unix:gid", USER);
    return Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
  }

  /**
   * The command that runs another one inside; the process stays the same.
   *
   * @param folder that may be written to
   * @param openFiles RLIMIT_NOFILE
   */
  public List<String> inside(Path folder, int openFiles) {
    String user = Integer.toString(USER);
    String ambient = capabilities("AmbientCapabilities");
    List<String> command = new ArrayList<>(List.of("unshare", "--mount"));
    command.addAll(List.of("sh", "-c", FILE_SYSTEMS, "sh", folder.toString()));
    command.addAll(List.of(all("DeviceAllow"), last("UMask"), "prlimit"));
    command.addAll(List.of("--memlock=" + last("LimitMEMLOCK")));
    command.addAll(List.of("--nofile=" + openFiles + ":" + openFiles, "--", "setpriv"));
    command.addAll(List.of("--reuid=" + user, "--regid=" + user, "--clear-groups"));
    command.addAll(List.of("--inh-caps=" + ambient, "--ambient-caps=" + ambient));
    command.add("--bounding-set=" + capabilities("CapabilityBoundingSet"));
    if (last("NoNewPrivileges").equals("yes")) {
      command.add("--no-new-privs");
    }
    return command;
  }
}

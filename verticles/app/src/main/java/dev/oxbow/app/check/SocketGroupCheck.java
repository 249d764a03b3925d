package dev.oxbow.app.check;

import dev.oxbow.config.ControlOptions;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.List;
import java.util.Optional;

/** Whether this process may give its sockets to the configured group. */
final class SocketGroupCheck {
  private static final String NAME = "socketGroup";

  /** Whoever has it may give files to any group: include/uapi/linux/capability.h. */
  private static final long CAP_CHOWN = 1;

  private SocketGroupCheck() {}

  /** Nothing when no group is configured. */
  static Optional<Finding> examine(ControlOptions control) {
    return Optional.ofNullable(control.getSocketGroup()).map(SocketGroupCheck::examine);
  }

  private static Finding examine(String name) {
    UserPrincipalLookupService groups = FileSystems.getDefault().getUserPrincipalLookupService();
    try {
      GroupPrincipal group = groups.lookupPrincipalByGroupName(name);
      List<String> status = Files.readAllLines(Path.of("/proc/self/status"));
      boolean may = (Long.parseUnsignedLong(words(status, "CapEff:")[0], 16) & CAP_CHOWN) != 0;
      for (String gid : words(status, "Groups:")) {
        may |= group.equals(groups.lookupPrincipalByGroupName(gid));
      }
      // Real, effective, saved and that of files, which alone counts.
      may |= group.equals(groups.lookupPrincipalByGroupName(words(status, "Gid:")[3]));
      return may
          ? Finding.ok(NAME, "sockets can be given to the group " + name)
          : Finding.missing(
              NAME,
              "this user may not give files to the group " + name + " (control.socketGroup)",
              "start as root or as a member of that group");
    } catch (UserPrincipalNotFoundException e) {
      return Finding.missing(
          NAME,
          "there is no group " + name + " (control.socketGroup)",
          "groupadd " + name + ", or name another group");
    } catch (IOException e) {
      return Finding.warn(NAME, "the groups of this user cannot be read: " + e, "mount /proc");
    }
  }

  private static String[] words(List<String> status, String key) throws IOException {
    for (String line : status) {
      if (line.startsWith(key)) {
        String words = line.substring(key.length()).strip();
        return words.isEmpty() ? new String[0] : words.split("\\s+", -1);
      }
    }
    throw new IOException("no " + key + " in /proc/self/status");
  }
}

package dev.oxbow.service.control;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Set;

/** Which peers may use a control socket: root, our own uid, and who the configuration names. */
final class Access {
  private final Set<Long> uids;
  private final Set<Long> gids;

  Access(ControlOptions options) {
    this.uids = options.getAllowedUids();
    this.gids = options.getAllowedGids();
  }

  /**
   * Whether the peer of an accepted socket may use the service. Groups are those that the peer had
   * when it connected, supplementary ones included.
   */
  boolean allows(int fd, long uid, long gid) {
    if (uid == 0 || uid == Syscalls.effectiveUid() || uids.contains(uid) || gids.contains(gid)) {
      return true;
    }
    for (int group : gids.isEmpty() ? new int[0] : Sockets.peerGroups(fd)) {
      if (gids.contains(group & 0xffffffffL)) {
        return true;
      }
    }
    return false;
  }
}

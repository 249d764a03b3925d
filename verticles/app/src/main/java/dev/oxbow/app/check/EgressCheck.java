package dev.oxbow.app.check;

import dev.oxbow.config.FishOptions;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.service.runtime.StartException;

/** Whether this machine can do what Fish needs: tried once, apart from all else. Blocks. */
final class EgressCheck {
  private static final String NAME = "egress";

  private EgressCheck() {}

  private static String segments(Offloads offloads) {
    return offloads.udp()
        ? "TCP and UDP segmentation"
        : offloads.tcp() ? "TCP segmentation" : "no segmentation";
  }

  /** Looks. */
  static Finding examine(FishOptions options) {
    try {
      return Finding.ok(
          NAME,
          "a tun ("
              + segments(FishTrial.run(options))
              + "), rules of nftables and entries of conntrack can be made; --rules shows the"
              + " rules");
    } catch (StartException e) {
      return Finding.missing(
          NAME,
          "Fish cannot be set up: " + e.getMessage(),
          "run as root or with CAP_NET_ADMIN, install nftables, and run a kernel with nf_tables,"
              + " nf_nat, nf_conntrack_netlink and tun");
    }
  }
}

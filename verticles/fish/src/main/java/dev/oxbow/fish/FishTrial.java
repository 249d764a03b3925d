package dev.oxbow.fish;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.EgressNetwork;
import dev.oxbow.fish.network.NetworkException;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.fish.network.Ruleset;
import dev.oxbow.service.runtime.StartException;

/**
 * Whether a Fish could be set up on this machine: done once in a network namespace that is gone
 * afterwards. What the machine itself uses, such as routes that overlap the pool, is not seen
 * there.
 */
public final class FishTrial {
  private FishTrial() {}

  /**
   * The rules of nftables that it would load on this machine, as {@code nft -f} reads them. Blocks.
   *
   * @throws StartException saying what is wrong with the options
   */
  public static String rules(FishOptions options) {
    try {
      return Ruleset.preview(Installation.plan(options, grants(options), options.getMaxClients()));
    } catch (NetworkException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  private static Grants grants(FishOptions options) {
    return Grants.of(options.getEgress(), new QuotaOptions());
  }

  /**
   * Sets one up and takes it down. Blocks.
   *
   * @return what its tun carried unfinished
   * @throws StartException saying what stands in the way
   */
  public static Offloads run(FishOptions options) {
    Grants grants = grants(options);
    try (Namespace namespace = Namespace.open()) {
      return namespace.call(() -> attempt(options, grants));
    } catch (LinuxException | NetworkException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  /** With what can be tried without a plane. */
  private static Offloads attempt(FishOptions options, Grants grants) {
    EgressNetwork network =
        EgressNetwork.open(Installation.plan(options, grants, options.getMaxClients()));
    Offloads offloads;
    try (ConntrackDump dump = ConntrackDump.open()) {
      Conntrack.open(options.getMark()).close();
      ConntrackEvents.open().close();
      dump.marked(options.getMark(), entry -> {});
      offloads = network.offloads();
    } catch (RuntimeException e) {
      throw Installation.undone(e, network::restore);
    }
    network.restore();
    return offloads;
  }
}

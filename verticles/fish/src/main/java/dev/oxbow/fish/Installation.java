package dev.oxbow.fish;

import dev.oxbow.config.FishOptions;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.EgressNetwork;
import dev.oxbow.fish.network.LocalSockets;
import dev.oxbow.fish.network.NetworkException;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.runtime.StartException;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All of the kernel that a Fish has, opened in one network namespace.
 *
 * @param network that was set up
 * @param parts for the plane, which closes them
 */
record Installation(EgressNetwork network, SessionPlane.Parts parts) {
  private static final Logger log = LoggerFactory.getLogger(Installation.class);

  /**
   * Opens it in the calling thread's network namespace. Blocks. Entries that an earlier life has
   * left are deleted: their sessions are gone.
   *
   * @param directory for what must outlive this process
   * @throws StartException saying what stands in the way
   */
  static Installation open(FishOptions options, Grants grants, Path directory) {
    try {
      Prefix pool4 = pool("pool", options.getPool(), 4, options);
      Prefix pool6 = pool("pool6", options.getPool6(), 6, options);
      EgressNetwork network =
          EgressNetwork.open(
              new EgressNetwork.Plan(
                  options.getDevice(), pool4, pool6, grants.slices(), directory));
      try {
        return new Installation(network, parts(options, grants, network, pool4, pool6));
      } catch (RuntimeException e) {
        network.restore();
        throw e;
      }
    } catch (LinuxException | NetworkException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  private static SessionPlane.Parts parts(
      FishOptions options, Grants grants, EgressNetwork network, Prefix pool4, Prefix pool6) {
    try (ConntrackDump left = ConntrackDump.open()) {
      left.deleteMarked(options.getMark());
    }
    List<String> strangers = LocalSockets.within(grants.slices());
    if (!strangers.isEmpty()) {
      log.warn("programs of this machine use ports of fish.egress: {}", strangers);
    }
    Conntrack conntrack = Conntrack.open(options.getMark());
    try {
      NetlinkSocket events = ConntrackEvents.open();
      try {
        ClientTable clients =
            new ClientTable(
                StateTable.open(
                    "oxbow-fish-clients", ClientTable.layout(options.getMaxClients() + 1)));
        return new SessionPlane.Parts(
            network.tun().descriptor().fd(),
            conntrack,
            events,
            options.getMark(),
            clients,
            new FlowTable(
                StateTable.open("oxbow-fish-flows", FlowTable.layout(options.getMaxFlows())),
                clients),
            pool4,
            pool6,
            grants.slices());
      } catch (RuntimeException e) {
        events.close();
        throw e;
      }
    } catch (RuntimeException e) {
      conntrack.close();
      throw e;
    }
  }

  /** Closes everything that no plane has taken, and puts the network back. Blocks. */
  void close() {
    parts.events().close();
    parts.conntrack().close();
    parts.flows().close();
    parts.clients().close();
    network.restore();
  }

  private static Prefix pool(String key, String text, int version, FishOptions options) {
    Prefix pool;
    try {
      pool = Prefix.parse(text);
    } catch (IllegalArgumentException e) {
      throw new StartException("fish." + key + ": " + e.getMessage(), e);
    }
    if (pool.version() != version) {
      throw new StartException(
          "fish." + key + ": " + text + " is not an IPv" + version + " prefix");
    }
    int needed = options.getMaxClients() + 1;
    if (pool.addresses(needed) < needed) {
      throw new StartException(
          "fish."
              + key
              + ": "
              + text
              + " is too small for fish.maxClients: "
              + options.getMaxClients());
    }
    return pool;
  }
}

package dev.oxbow.fish;

import dev.oxbow.config.FishOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.conntrack.ConntrackEvents;
import dev.oxbow.fish.network.EgressNetwork;
import dev.oxbow.fish.network.Endpoint;
import dev.oxbow.fish.network.LocalSockets;
import dev.oxbow.fish.network.NetworkException;
import dev.oxbow.fish.network.Offloads;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.partner.PartnerProvider;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.fish.session.Tables;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.runtime.StartException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All of the kernel that a Fish has, in one network namespace, and the plane that works with it,
 * which stands still. All methods block, and are called by a thread of that namespace.
 */
final class Installation {
  private static final Logger log = LoggerFactory.getLogger(Installation.class);
  private static final String TUN = "tun";
  private static final String LOCK = "lock";
  private static final int MOST_GRACE_IN_A_PAIR_MS = 100_000;

  private final FishOptions options;
  private final Path files;
  private final TablesLock lock;
  private final EgressNetwork network;
  private final SessionPlane plane;
  private final Tables tables;
  private final Grants grants;

  /** Whether nothing of an earlier life was there. */
  private final boolean first;

  private Installation(
      FishOptions options,
      Path files,
      TablesLock lock,
      EgressNetwork network,
      SessionPlane plane,
      Tables tables,
      Grants grants,
      boolean first) {
    this.options = options;
    this.files = files;
    this.lock = lock;
    this.network = network;
    this.plane = plane;
    this.tables = tables;
    this.grants = grants;
    this.first = first;
  }

  /**
   * Sets everything up, and goes on with what a process that was killed has left.
   *
   * @param loop on which the plane will work
   * @param directory for what must outlive this process
   * @throws StartException saying what stands in the way; then all is as it was before
   */
  static Installation open(
      DescriptorLoop loop, FishOptions options, Grants grants, Path directory) {
    Path files = files(options, directory);
    TablesLock lock = TablesLock.open(TablesLock.file(files));
    try {
      if (options.getPair() == null) {
        // Should there be a partner again, nobody may remember what was lent before this life.
        PartnerProvider.forgetLoans(files);
      }
      Tables left = Tables.find(files);
      return left == null
          ? fresh(loop, options, grants, files, lock)
          : left(loop, options, grants, files, lock, left);
    } catch (LinuxException | NetworkException e) {
      throw undone(new StartException(String.valueOf(e.getMessage()), e), lock::delete);
    } catch (RuntimeException e) {
      throw undone(e, lock::delete);
    }
  }

  private static Installation fresh(
      DescriptorLoop loop, FishOptions options, Grants grants, Path files, TablesLock lock) {
    EgressNetwork network = EgressNetwork.open(plan(options, grants, options.getMaxClients()));
    boolean first = network.isFirst();
    try {
      Tables tables =
          Tables.open(
              files,
              new Tables.Sizes(
                  options.getMaxSessions(), options.getMaxClients(), options.getMaxFlows()));
      try {
        return recovered(
            new Installation(
                options,
                files,
                lock,
                network,
                plane(loop, options, grants, network, tables),
                tables,
                grants,
                first));
      } catch (RuntimeException e) {
        tables.close();
        throw e;
      }
    } catch (RuntimeException e) {
      if (first) {
        Tables.delete(files);
      }
      throw undone(e, first ? network::restore : network::close);
    }
  }

  /** What is undone after a failure does not hide the failure when it fails itself. */
  static RuntimeException undone(RuntimeException cause, Runnable undo) {
    try {
      undo.run();
    } catch (RuntimeException e) {
      cause.addSuppressed(e);
    }
    return cause;
  }

  /** If this throws, the entries of the killed process stay, behind its rules. */
  private static Installation left(
      DescriptorLoop loop,
      FishOptions options,
      Grants grants,
      Path files,
      TablesLock lock,
      Tables tables) {
    try {
      EgressNetwork network = EgressNetwork.open(plan(options, grants, tables.clientCapacity()));
      try {
        return recovered(
            new Installation(
                options,
                files,
                lock,
                network,
                plane(loop, options, grants, network, tables),
                tables,
                grants,
                false));
      } catch (RuntimeException e) {
        network.close();
        throw e;
      }
    } catch (RuntimeException e) {
      tables.close();
      throw e;
    }
  }

  private static Installation recovered(Installation made) {
    try (ConntrackDump dump = ConntrackDump.open()) {
      made.plane.recover(dump);
      Tables.forgetResting(made.files);
      made.lookForStrangers();
      return made;
    } catch (RuntimeException e) {
      made.plane.close();
      throw e;
    }
  }

  /**
   * Goes on with what another process has handed over, and which that still uses. Nothing of it is
   * changed.
   *
   * @param cargo that its plane was lent to; taken out of it
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static Installation inherit(
      DescriptorLoop loop, FishOptions options, Grants grants, Path directory, Cargo cargo) {
    Path files = files(options, directory);
    TablesLock lock = lock(files, cargo);
    try {
      Tun tun = Tun.adopt(cargo.take(TUN));
      try {
        return inherit(loop, options, grants, files, lock, tun, Tables.adopt(cargo));
      } catch (RuntimeException e) {
        tun.close();
        throw e;
      }
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** A process of before there was a lock hands none over, and has none. */
  private static TablesLock lock(Path files, Cargo cargo) {
    Path file = TablesLock.file(files);
    Descriptor locked = cargo.takeIfThere(LOCK);
    return locked == null ? TablesLock.open(file) : new TablesLock(file, locked);
  }

  private static Installation inherit(
      DescriptorLoop loop,
      FishOptions options,
      Grants grants,
      Path files,
      TablesLock lock,
      Tun tun,
      Tables tables) {
    try {
      EgressNetwork network =
          EgressNetwork.adopt(plan(options, grants, tables.clientCapacity()), tun);
      SessionPlane plane = plane(loop, options, grants, network, tables);
      plane.share();
      return new Installation(options, files, lock, network, plane, tables, grants, false);
    } catch (RuntimeException e) {
      tables.close();
      throw e;
    }
  }

  private static Path files(FishOptions options, Path directory) {
    return directory.resolve(options.getDevice());
  }

  /**
   * What is to be set up for so many clients.
   *
   * @throws StartException naming a pool that is none, or too small
   * @throws NetworkException naming an end of the link to a partner that is no address
   */
  static EgressNetwork.Plan plan(FishOptions options, Grants grants, int clients) {
    return new EgressNetwork.Plan(
        options.getDevice(),
        options.getMark(),
        pool("pool", options.getPool(), 4, clients),
        pool("pool6", options.getPool6(), 6, clients),
        grants.slices(),
        Endpoint.of(options.getPair()));
  }

  /** Closes none of the tables when it throws. */
  private static SessionPlane plane(
      DescriptorLoop loop,
      FishOptions options,
      Grants grants,
      EgressNetwork network,
      Tables tables) {
    Conntrack conntrack = Conntrack.open(options.getMark());
    try {
      NetlinkSocket events = ConntrackEvents.open();
      try {
        return new SessionPlane(
            loop,
            new SessionPlane.Parts(
                network.tun().descriptor().fd(),
                network.offloads(),
                conntrack,
                events,
                options.getMark(),
                tables,
                network.pool4(),
                network.pool6(),
                grants.slices(),
                crashGraceNanos(options),
                grants::quotas,
                System::nanoTime));
      } catch (RuntimeException e) {
        events.close();
        throw e;
      }
    } catch (RuntimeException e) {
      conntrack.close();
      throw e;
    }
  }

  /** Less than ports rest: a partner is not told of sessions that wait for their apps. */
  private static long crashGraceNanos(FishOptions options) {
    int grace = options.getCrashGraceMs();
    return TimeUnit.MILLISECONDS.toNanos(
        options.getPair() == null ? grace : Math.min(grace, MOST_GRACE_IN_A_PAIR_MS));
  }

  SessionPlane plane() {
    return plane;
  }

  /** What the tun carries unfinished. Any thread; does not block. */
  Offloads offloads() {
    return network.offloads();
  }

  /** Packets that the tun's queue had no room for. */
  long dropped() {
    return network.dropped();
  }

  /** Puts what another process needs into what that gets. */
  void lend(Cargo cargo) {
    cargo.lend(TUN, network.tun().descriptor()).lend(LOCK, lock.descriptor());
    plane.lend(cargo);
  }

  /** Loads the rules for what is granted now. */
  void reload() {
    network.reload();
    lookForStrangers();
  }

  private void lookForStrangers() {
    try {
      List<String> strangers = LocalSockets.within(grants.slices());
      if (!strangers.isEmpty()) {
        log.warn("programs of this machine use ports of fish.egress: {}", strangers);
      }
    } catch (LinuxException e) {
      log.warn("whether programs of this machine use ports of fish.egress is not known", e);
    }
  }

  /** Closes this process's part, and leaves the rest as it is, as a crash would. */
  void abandon() {
    network.close();
    lock.close();
  }

  /** Whether nothing of an earlier life was there when it was set up. */
  boolean isFirst() {
    return first;
  }

  /** Whether the connections of the process before this one are known. */
  boolean remembers() {
    return !tables.isNew();
  }

  Path files() {
    return files;
  }

  /** Notes for the next start which ports rest, while the plane stands still; whether it could. */
  boolean saveResting() {
    try {
      tables.saveResting(files);
      return true;
    } catch (IllegalStateException e) {
      log.warn("ports that rest are not noted: the next start gives them out at once", e);
      return false;
    }
  }

  /** Puts everything back; the plane is closed, and all sessions have ended. */
  void restore() {
    try (ConntrackDump dump = ConntrackDump.open()) {
      // Of sessions that waited to be opened again.
      dump.deleteMarked(options.getMark());
      network.restore();
      Tables.delete(files);
      lock.delete();
    } finally {
      // What could not be put back stays closed.
      network.close();
      lock.close();
    }
  }

  private static Prefix pool(String key, String text, int version, int clients) {
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
    // The first address stays free.
    if (pool.addresses(clients + 1) < clients + 1) {
      throw new StartException(
          "fish." + key + ": " + text + " is too small for fish.maxClients: " + clients);
    }
    return pool;
  }
}

package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.Acceptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.Bench;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The namespace in which the kernel speaks TCP for all tunnels: two listeners, and a tun for each
 * tunnel, so that what one flow does not take fills no other's queue.
 *
 * <p>A tun belongs to a place in the ledger and stays there when its tunnel ends, switched off, for
 * the next one: to close one takes the kernel tens of milliseconds, to switch one on less than one.
 * Methods run on the namespace's thread, but for those that say otherwise.
 */
final class Environment {
  private static final Logger log = LoggerFactory.getLogger(Environment.class);

  /** What the names of the tuns begin with. */
  static final String NAMES = "t";

  private static final String NAMESPACE = "namespace";
  private static final String LISTENER_4 = "listener/4";
  private static final String LISTENER_6 = "listener/6";
  private static final String TUN = "tun/";

  private static final int BACKLOG = 65_535;

  /**
   * Packets, each up to 64 KiB, that a tun holds until we read them; beyond that it drops. What the
   * kernel's TCP has in flight is bounded by net.ipv4.tcp_wmem per connection.
   */
  private static final int QUEUE_PACKETS = 16_384;

  /** A virtio_net_hdr and the beginning of a packet. */
  private static final int SCRATCH_BYTES = 64;

  private static final int LOOPBACK_MTU = 65_536;

  /** Smallest MTU of a device with IPv6, RFC 8200 5. */
  static final int MIN_MTU_6 = 1280;

  /** As where the service runs; a new namespace has that of the machine's first one. */
  private static final String CONGESTION = "ipv4/tcp_congestion_control";

  /** What the kernel is told before the first device is made; the order matters. */
  private static final Map<String, String> SETTINGS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("core/somaxconn", Integer.toString(BACKLOG)),
              Map.entry("ipv4/ip_forward", "0"),
              // The listeners' port is below 1024, and CAP_NET_BIND_SERVICE is not asked for.
              Map.entry("ipv4/ip_unprivileged_port_start", "0"),
              Map.entry("ipv4/conf/all/rp_filter", "0"),
              Map.entry("ipv4/conf/default/rp_filter", "0"),
              // Half-open connections are bounded by tunnel; cookies would lose their options.
              Map.entry("ipv4/tcp_syncookies", "0"),
              Map.entry("ipv4/tcp_max_syn_backlog", Integer.toString(BACKLOG)),
              // What one tunnel's connections taught must not guide the next one's.
              Map.entry("ipv4/tcp_no_metrics_save", "1"),
              Map.entry("ipv4/tcp_fastopen", "0"),
              Map.entry("ipv6/conf/default/accept_ra", "0"),
              Map.entry("ipv6/conf/default/router_solicitations", "0"),
              Map.entry("ipv6/conf/default/addr_gen_mode", "1"),
              Map.entry("ipv6/conf/default/accept_dad", "0")));

  private final Namespace namespace;
  private final Descriptor listener4;
  private final Descriptor listener6;
  private final @Nullable Tun[] devices;
  private final Interfaces links;
  private final Census census;
  private volatile int offloads;

  /** For what is read only to be forgotten: a tun cuts what does not fit. */
  private final NativeMemory scratch = NativeMemory.allocate(SCRATCH_BYTES);

  private final NativeMemory vector = NativeMemory.allocate(Vectors.IOVEC_BYTES);

  /** Owns all that it is given, unless this throws. */
  private Environment(
      Namespace namespace, Descriptor listener4, Descriptor listener6, @Nullable Tun[] devices) {
    this.namespace = namespace;
    this.listener4 = listener4;
    this.listener6 = listener6;
    this.devices = devices;
    this.links = Interfaces.open();
    try {
      this.census = Census.open();
    } catch (RuntimeException e) {
      links.close();
      throw e;
    }
    Bench.iovec(vector, 0, scratch.address(), SCRATCH_BYTES);
  }

  /**
   * Makes a namespace with its listeners. Blocks for some milliseconds; any thread but a loop's.
   *
   * @param slots places in the ledger
   */
  static Environment open(int slots) {
    String congestion = get(CONGESTION);
    Namespace namespace = Namespace.open();
    try {
      return namespace.call(() -> furnish(namespace, slots, congestion));
    } catch (RuntimeException e) {
      namespace.close();
      throw e;
    }
  }

  private static Environment furnish(Namespace namespace, int slots, String congestion) {
    SETTINGS.forEach(Environment::set);
    if (!get(CONGESTION).equals(congestion)) {
      try {
        set(CONGESTION, congestion);
      } catch (UncheckedIOException e) {
        log.warn("congestion control {} is not for every namespace", congestion, e);
      }
    }
    List<Descriptor> made = new ArrayList<>();
    try (Interfaces interfaces = Interfaces.open()) {
      interfaces.mtu("lo", LOOPBACK_MTU);
      interfaces.up("lo");
      interfaces.address6("lo", Pool.bytes(6, Pool.LISTENER_HIGH_6, Pool.LISTENER_LOW_6), 8 * 16);
      // A second address of lo, under a label of its own: 127.0.0.1 stays.
      interfaces.address4("lo:0", Pool.bytes(4, PacketView.V4_HIGH, Pool.LISTENER_LOW_4), 8 * 4);
      made.add(listen(4));
      made.add(listen(6));
      return new Environment(namespace, made.get(0), made.get(1), new Tun[slots]);
    } catch (RuntimeException e) {
      Descriptor.closeAll(made);
      throw e;
    }
  }

  private static void set(String name, String value) {
    try {
      Files.writeString(Path.of("/proc/sys/net", name), value);
    } catch (IOException e) {
      throw new UncheckedIOException("net/" + name, e);
    }
  }

  private static String get(String name) {
    try {
      return Files.readString(Path.of("/proc/sys/net", name)).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("net/" + name, e);
    }
  }

  private static Descriptor listen(int version) {
    byte[] address = Pool.bytes(version, Pool.listenerHigh(version), Pool.listenerLow(version));
    try {
      InetAddress own = InetAddress.getByAddress(address);
      return Acceptor.bound(Sockaddr.of(own, Pool.LISTENER_PORT), BACKLOG, version == 6);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address of another length", e);
    }
  }

  /**
   * Takes over the environment of another process. Blocks a little; any thread but a loop's.
   *
   * @throws IllegalArgumentException naming what is missing
   */
  static Environment inherit(Cargo cargo, int slots) {
    Namespace namespace = Namespace.adopt(cargo.take(NAMESPACE));
    List<Descriptor> taken = new ArrayList<>();
    try {
      taken.add(cargo.take(LISTENER_4));
      taken.add(cargo.take(LISTENER_6));
      @Nullable Tun[] devices = new Tun[slots];
      for (String name : List.copyOf(cargo.names())) {
        if (name.startsWith(TUN)) {
          Descriptor device = cargo.take(name);
          taken.add(device);
          devices[Integer.parseInt(name.substring(TUN.length()))] = Tun.adopt(device);
        }
      }
      return namespace.call(() -> inherited(namespace, taken, devices));
    } catch (RuntimeException e) {
      Descriptor.closeAll(taken);
      namespace.close();
      throw e;
    }
  }

  private static Environment inherited(
      Namespace namespace, List<Descriptor> taken, @Nullable Tun[] devices) {
    Environment made = new Environment(namespace, taken.get(0), taken.get(1), devices);
    Tun device = Stream.of(devices).filter(Objects::nonNull).findFirst().orElse(null);
    // Only by setting them can they be asked for; they are so already.
    made.offloads = device == null ? 0 : device.allOffloads();
    return made;
  }

  /** Lends all that another process needs. Nothing else may run here meanwhile. */
  void lend(Cargo cargo) {
    cargo.lend(NAMESPACE, namespace.descriptor());
    cargo.lend(LISTENER_4, listener4).lend(LISTENER_6, listener6);
    for (int slot = 0; slot < devices.length; slot++) {
      Tun device = devices[slot];
      if (device != null) {
        cargo.lend(TUN + slot, device.descriptor());
      }
    }
  }

  /**
   * Runs a task on the namespace's thread. Any thread.
   *
   * @param done told the result or the failure, the other one being null; on any thread
   */
  <T> void submit(Callable<T> task, BiConsumer<@Nullable T, @Nullable Throwable> done) {
    CompletableFuture<T> all = namespace.submit(task).whenComplete(done);
    all.exceptionally(
        failure -> {
          log.debug("told already", failure);
          return null;
        });
  }

  /** The listening socket, owned by this environment. */
  Descriptor listener(int version) {
    return version == 4 ? listener4 : listener6;
  }

  /** TUN_F_ of what the tuns do; 0 before the first is made. Any thread. */
  int offloads() {
    return offloads;
  }

  /** How many tuns are open. A moment old on other threads. */
  int devices() {
    int count = 0;
    for (Tun device : devices) {
      count += device == null ? 0 : 1;
    }
    return count;
  }

  /** What tells which sockets live. */
  Census census() {
    return census;
  }

  /**
   * Resets connections of a tunnel, each for itself.
   *
   * @param places theirs in the table
   * @return whether the kernel has none of them any more, but for a TIME_WAIT
   */
  boolean destroy(Connections table, Tunnel tunnel, int[] places) {
    int left = 0;
    LinuxException why = null;
    for (int place : places) {
      int version = table.version(table.at(tunnel.group(), place));
      long low = Pool.low(version, tunnel.slot(), place);
      try {
        census.destroy(version, Pool.high(version), low, Pool.port(place));
      } catch (LinuxException e) {
        left++;
        why = e;
      }
    }
    if (why != null) {
      log.error("{} connections of tunnel {} were not reset", left, tunnel.record().id(), why);
    }
    return why == null;
  }

  /** The device of a place, as it is; when there is one. Any thread, after what made it. */
  @Nullable Tun device(int slot) {
    return devices[slot];
  }

  /** Switches the device of a place on, and makes it before if there is none. */
  Tun open(int slot, int mtu) {
    Tun device = devices[slot];
    if (device == null) {
      device = make(slot);
      devices[slot] = device;
    } else {
      // It is off already, unless whoever had it died before that.
      park(slot);
    }
    links.mtu(device.name(), mtu);
    links.up(device.name());
    if (mtu >= MIN_MTU_6) {
      // Gone when the device was switched off.
      links.address6(
          device.name(), Pool.bytes(6, Pool.high(6), Pool.device(6, slot)), Pool.PREFIX_BITS_6);
    }
    return device;
  }

  /**
   * Switches a device off, so that routes and what was learned of paths are forgotten; false when
   * there is none.
   */
  boolean park(int slot) {
    Tun device = devices[slot];
    if (device != null) {
      links.down(device.name());
      forget(device);
    }
    return device != null;
  }

  /** Takes what a device has that is off, and so gets no more; the next tunnel has it empty. */
  private void forget(Tun device) {
    long n;
    do {
      n = Vectors.readv(device.descriptor().fd(), vector.address(), 1);
    } while (n >= 0);
    if (n != -Errno.EAGAIN) {
      throw new LinuxException("readv", (int) -n);
    }
  }

  /** A device of a place, off. */
  private Tun make(int slot) {
    Tun device = Tun.open(NAMES + slot, true);
    try {
      offloads = device.allOffloads();
      links.queueLength(device.name(), QUEUE_PACKETS);
      byte[] address = Pool.bytes(4, Pool.high(4), Pool.device(4, slot));
      links.address4(device.name(), address, Pool.PREFIX_BITS_4);
      return device;
    } catch (RuntimeException e) {
      device.close();
      throw e;
    }
  }

  /**
   * Closes all; takes milliseconds for each device that no other process has. Any thread.
   *
   * @param done told when that is so, on any thread
   */
  void close(Runnable done) {
    submit(
        () -> {
          listener4.close();
          listener6.close();
          for (Tun device : devices) {
            if (device != null) {
              device.close();
            }
          }
          links.close();
          census.close();
          return true;
        },
        (v, failure) -> {
          if (failure != null) {
            log.error("the environment was not closed", failure);
          }
          done.run();
        });
    namespace.close();
  }
}

package dev.oxbow.fish.network;

import dev.oxbow.codecs.netlink.AddressReader.Address;
import dev.oxbow.codecs.netlink.Route;
import dev.oxbow.codecs.netlink.RouteMessages;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fish.ports.PortSlice;
import java.nio.file.Path;
import java.util.List;

/**
 * The tun with its routes, the rules, and the kernel's settings. Belongs to the network namespace
 * of the thread that opens it. All methods block.
 *
 * <p>The order of setting up is that of safety: rules, then the blackhole under the pool, then the
 * tun and its routes, then forwarding. {@link #restore()} goes the other way. {@link #close()}
 * alone is what a crash does: the tun goes, rules and blackhole stay, so that nothing of ours
 * leaves the machine in another way.
 */
public final class EgressNetwork implements AutoCloseable {

  /** RTA_PRIORITY of the blackhole: any other route of the same prefix wins. */
  private static final int LAST_METRIC = 0x7fff_0000;

  private static final int MTU = 65_535;
  private static final int TX_QUEUE_PACKETS = 10_000;

  private static final List<String> TIMEOUTS =
      List.of(
          "netfilter/nf_conntrack_tcp_timeout_established 7440",
          "netfilter/nf_conntrack_udp_timeout 300",
          "netfilter/nf_conntrack_udp_timeout_stream 300",
          "netfilter/nf_conntrack_icmp_timeout 60",
          "netfilter/nf_conntrack_icmpv6_timeout 60",
          // Else entries that are made while nobody listens never tell of their end.
          "netfilter/nf_conntrack_events 1");

  private final Plan plan;
  private final Settings settings;
  private final Tun tun;

  /**
   * What is to be set up.
   *
   * @param device name of the tun
   * @param pool4 inner addresses
   * @param pool6 inner addresses
   * @param slices that were granted
   * @param directory for the file that notes what the kernel's settings were
   */
  public record Plan(
      String device, Prefix pool4, Prefix pool6, List<PortSlice> slices, Path directory) {}

  private EgressNetwork(Plan plan, Settings settings, Tun tun) {
    this.plan = plan;
    this.settings = settings;
    this.tun = tun;
  }

  /**
   * Sets it up, whatever an earlier life has left.
   *
   * @throws NetworkException saying what stands in the way; what was set up before stays
   */
  public static EgressNetwork open(Plan plan) {
    Settings settings = Settings.open(settings(plan));
    try (Routes routes = Routes.open()) {
      requireFree(plan, routes);
      load(plan, settings);
      routes.ensure(blackhole(plan.pool4));
      routes.ensure(blackhole(plan.pool6));
      Tun tun = Tun.open(plan.device, false);
      try {
        routes.linkUp(plan.device, MTU, TX_QUEUE_PACKETS);
        int index = routes.link(plan.device).index();
        routes.ensure(unicast(plan.pool4, index));
        routes.ensure(unicast(plan.pool6, index));
        apply(settings);
        return new EgressNetwork(plan, settings, tun);
      } catch (RuntimeException e) {
        tun.close();
        throw e;
      }
    }
  }

  /**
   * Goes on with what another process of this Fish has set up. Changes nothing.
   *
   * @param tun owned from here on
   */
  public static EgressNetwork adopt(Plan plan, Tun tun) {
    return new EgressNetwork(plan, Settings.open(settings(plan)), tun);
  }

  private static Path settings(Plan plan) {
    return plan.directory.resolve(plan.device + ".settings");
  }

  private static void load(Plan plan, Settings settings) {
    boolean router =
        settings.before("ipv4/ip_forward").equals("0")
            || settings.before("ipv6/conf/all/forwarding").equals("0");
    Ruleset.load(plan.device, plan.slices, router);
  }

  /** Loads the rules for what is granted now, in place of those that there are. */
  public void reload() {
    load(plan, settings);
  }

  /** A pool that the machine uses otherwise would take somebody's packets. */
  private static void requireFree(Plan plan, Routes routes) {
    for (Prefix pool : List.of(plan.pool4, plan.pool6)) {
      Route own = blackhole(pool);
      for (Route route : routes.routes()) {
        boolean ours = route.type() == own.type() && route.metric() == own.metric();
        if (!ours
            && route.prefixLength() > 0
            && own.overlaps(route.destination(), route.prefixLength())) {
          throw new NetworkException(
              "fish.pool " + pool + " overlaps a route of this machine; choose another");
        }
      }
      for (Address address : routes.addresses()) {
        if (own.overlaps(address.address(), 8 * address.address().length)) {
          throw new NetworkException(
              "fish.pool " + pool + " contains an address of this machine; choose another");
        }
      }
    }
  }

  private static void apply(Settings settings) {
    for (String setting : TIMEOUTS) {
      int space = setting.indexOf(' ');
      settings.set(setting.substring(0, space), setting.substring(space + 1));
    }
    settings.set("ipv4/ip_forward", "1");
    // Forwarding switches router advertisements off where they were on (1); 2 keeps them.
    if (Settings.get("ipv6/conf/all/forwarding").equals("0")) {
      for (String name :
          java.util.Objects.requireNonNull(
              Path.of("/proc/sys/net/ipv6/conf").toFile().list(),
              "net/ipv6/conf cannot be listed")) {
        String accepts = "ipv6/conf/" + name + "/accept_ra";
        if (Settings.get(accepts).equals("1")) {
          settings.set(accepts, "2");
        }
      }
    }
    settings.set("ipv6/conf/all/forwarding", "1");
  }

  private static Route blackhole(Prefix pool) {
    return new Route(
        RouteMessages.RTN_BLACKHOLE,
        pool.address(),
        pool.length(),
        0,
        RouteMessages.RT_TABLE_MAIN,
        LAST_METRIC);
  }

  private static Route unicast(Prefix pool, int index) {
    return new Route(
        RouteMessages.RTN_UNICAST,
        pool.address(),
        pool.length(),
        index,
        RouteMessages.RT_TABLE_MAIN,
        0);
  }

  /** The tun, non-blocking; owned by this object. */
  public Tun tun() {
    return tun;
  }

  /** Packets that the tun's queue had no room for. */
  public long dropped() {
    try (Routes routes = Routes.open()) {
      return routes.link(plan.device).txDropped();
    }
  }

  /** Inner addresses of IPv4. */
  public Prefix pool4() {
    return plan.pool4;
  }

  /** Inner addresses of IPv6. */
  public Prefix pool6() {
    return plan.pool6;
  }

  /** Puts everything back. To be called once no entry of ours is left. */
  public void restore() {
    // The rules go last: while anything of it is left, they keep it closed.
    try (tun) {
      settings.restore();
    } finally {
      removeRoutes();
    }
    Ruleset.remove(plan.device);
  }

  private void removeRoutes() {
    try (Routes routes = Routes.open()) {
      routes.remove(blackhole(plan.pool4));
      routes.remove(blackhole(plan.pool6));
    }
  }

  @Override
  public void close() {
    tun.close();
  }
}

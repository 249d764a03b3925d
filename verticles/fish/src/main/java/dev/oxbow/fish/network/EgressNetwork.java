package dev.oxbow.fish.network;

import dev.oxbow.codecs.netlink.AddressReader.Address;
import dev.oxbow.codecs.netlink.Route;
import dev.oxbow.codecs.netlink.RouteMessages;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fish.conntrack.ConntrackDump;
import dev.oxbow.fish.ports.PortSlice;
import java.util.ArrayList;
import java.util.Arrays;
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

  private final Plan plan;
  private final Tun tun;
  private final Offloads offloads;
  private final boolean first;

  /**
   * What is to be set up.
   *
   * @param device name of the tun
   * @param mark of the entries; no two Fish in a namespace have one device, pool or mark
   * @param pool4 inner addresses
   * @param pool6 inner addresses
   * @param slices that were granted
   * @param link what of TCP no client may reach
   */
  public record Plan(
      String device,
      int mark,
      Prefix pool4,
      Prefix pool6,
      List<PortSlice> slices,
      List<Endpoint> link) {

    /** A plan in which clients may reach everything. */
    public Plan(String device, int mark, Prefix pool4, Prefix pool6, List<PortSlice> slices) {
      this(device, mark, pool4, pool6, slices, List.of());
    }
  }

  private EgressNetwork(Plan plan, Tun tun, boolean first) {
    this.plan = plan;
    this.tun = tun;
    this.offloads = Offloads.of(tun);
    this.first = first;
  }

  /**
   * Sets it up, whatever an earlier life has left.
   *
   * @throws NetworkException saying what stands in the way; then all is as it was before
   */
  public static EgressNetwork open(Plan plan) {
    return Company.alone(
        () -> {
          try (Routes routes = Routes.open()) {
            Company company = Company.read();
            List<Prefix> former = isFirst(plan, company) ? List.of() : Ruleset.pools(plan.device);
            requireFree(plan, routes, company, former);
            company.requireMark(plan.device, plan.mark);
            removeFormer(plan, routes, company, former);
            Ruleset.load(plan, company);
            try {
              return open(plan, routes, company);
            } catch (RuntimeException e) {
              undo(plan, company, e);
              throw e;
            }
          }
        });
  }

  /** What an earlier life has left stays closed. */
  private static void undo(Plan plan, Company company, RuntimeException cause) {
    if (isFirst(plan, company)) {
      try {
        leave(plan);
      } catch (RuntimeException e) {
        cause.addSuppressed(e);
      }
    }
  }

  private static boolean isFirst(Plan plan, Company company) {
    return !company.marks().containsKey(plan.device);
  }

  private static EgressNetwork open(Plan plan, Routes routes, Company company) {
    routes.ensure(blackhole(plan.pool4));
    routes.ensure(blackhole(plan.pool6));
    Tun tun = Tun.open(plan.device, true);
    try {
      Settings.allow6(plan.device);
      routes.linkUp(plan.device, MTU, TX_QUEUE_PACKETS);
      int index = routes.link(plan.device).index();
      routes.ensure(unicast(plan.pool4, index));
      routes.ensure(unicast(plan.pool6, index));
      company.change(plan.device);
      Settings.forward(plan.device);
      return new EgressNetwork(plan, tun, isFirst(plan, company));
    } catch (RuntimeException e) {
      tun.close();
      throw e;
    }
  }

  /**
   * Goes on with what another process of this Fish has set up. Changes nothing.
   *
   * @param tun owned from here on
   */
  public static EgressNetwork adopt(Plan plan, Tun tun) {
    return new EgressNetwork(plan, tun, false);
  }

  /** Loads the rules for what is granted now, in place of those that there are. */
  public void reload() {
    Company.alone(
        () -> {
          Ruleset.load(plan, Company.read());
          return plan;
        });
  }

  /**
   * Takes away what an earlier life had under another mark and in other pools, while its rules are
   * still there: nobody would know of it any more. Connections are made again when they are used.
   */
  private static void removeFormer(Plan plan, Routes routes, Company company, List<Prefix> former) {
    int mark = company.marks().getOrDefault(plan.device, plan.mark);
    List<Prefix> gone =
        former.stream()
            .filter(pool -> !pool.equals(plan.pool4) && !pool.equals(plan.pool6))
            .toList();
    if (mark != plan.mark || !gone.isEmpty()) {
      try (ConntrackDump entries = ConntrackDump.open()) {
        entries.deleteMarked(mark);
      }
    }
    // Not before: what is translated to their addresses would leave by another route.
    gone.forEach(pool -> routes.remove(blackhole(pool)));
  }

  /** A pool that the machine uses otherwise would take somebody's packets. */
  private static void requireFree(Plan plan, Routes routes, Company company, List<Prefix> former) {
    List<Route> ours = new ArrayList<>(former.stream().map(EgressNetwork::blackhole).toList());
    if (!isFirst(plan, company) || !company.hasOthers(plan.device)) {
      ours.add(blackhole(plan.pool4));
      ours.add(blackhole(plan.pool6));
    }
    if (Settings.hasLink(plan.device)) {
      throw new NetworkException(
          "fish.device: this network namespace has an interface "
              + plan.device
              + " already, perhaps of another Fish; choose another name");
    }
    for (Prefix pool : List.of(plan.pool4, plan.pool6)) {
      Route own = blackhole(pool);
      for (Route route : routes.routes()) {
        if (ours.stream().noneMatch(known -> isSame(known, route))
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

  private static boolean isSame(Route known, Route route) {
    return route.type() == known.type()
        && route.metric() == known.metric()
        && route.prefixLength() == known.prefixLength()
        && Arrays.equals(route.destination(), known.destination());
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

  /** What the tun carries unfinished: one that was inherited is as its maker made it. */
  public Offloads offloads() {
    return offloads;
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

  /** Whether it was set up by this process where nothing of an earlier life was. */
  public boolean isFirst() {
    return first;
  }

  /** Puts everything back. To be called once no entry of ours is left. */
  public void restore() {
    tun.close();
    Company.alone(
        () -> {
          leave(plan);
          return plan;
        });
  }

  /** The rules go last: while anything of it is left, they keep it closed. */
  private static void leave(Plan plan) {
    Company company = Company.read();
    boolean last = !company.hasOthers(plan.device);
    try (Routes routes = Routes.open()) {
      if (last) {
        Settings.restore(company.notes());
      }
      routes.remove(blackhole(plan.pool4));
      routes.remove(blackhole(plan.pool6));
    }
    Ruleset.remove(plan.device, last);
  }

  @Override
  public void close() {
    tun.close();
  }
}

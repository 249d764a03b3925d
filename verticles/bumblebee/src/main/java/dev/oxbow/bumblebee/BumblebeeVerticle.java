package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.tunnel.KernelPlane;
import dev.oxbow.bumblebee.tunnel.PlaneOptions;
import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.service.verticle.ServiceWork;
import dev.oxbow.service.verticle.Surroundings;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Bumblebee as a verticle. {@link BumblebeeOptions#getLoops()} says on how many event loops it
 * carries packets.
 */
public final class BumblebeeVerticle extends ServiceVerticle {

  /** The service's name, and that of its control socket. */
  public static final String NAME = "bumblebee";

  /** Of the state that it hands over, and the oldest that it takes over. */
  public static final Layout LAYOUT = new Layout(KernelPlane.LAYOUT, KernelPlane.OLDEST_LAYOUT);

  /** Of a call for which a right or a device is missing. */
  private static final Set<Integer> MISSING = Set.of(Errno.EPERM, Errno.EACCES, Errno.ENOENT);

  private final BumblebeeOptions bumblebee;
  private @Nullable BumblebeeWork work;

  /** A Bumblebee with a control socket. */
  public BumblebeeVerticle(OxbowOptions options) {
    this(options, null, null);
  }

  /**
   * A Bumblebee with a control socket that goes on with what another process has handed over: it is
   * frozen when it has started.
   */
  public BumblebeeVerticle(OxbowOptions options, Cargo inherited) {
    this(options, inherited, null);
  }

  /**
   * A Bumblebee without a control socket.
   *
   * @param inherited what another process has handed over, or null
   * @param address where it takes requests on the event bus; null for the control socket
   */
  BumblebeeVerticle(OxbowOptions options, @Nullable Cargo inherited, @Nullable String address) {
    super(NAME, options, inherited, address);
    BumblebeeOptions own = options().getBumblebee();
    this.bumblebee = own == null ? new BumblebeeOptions() : own;
  }

  /**
   * Hands over and back a Bumblebee that nobody uses, again and again, so that the JVM has compiled
   * what is needed for it. Leaves nothing behind. Needs the same rights as a Bumblebee. Blocks; not
   * on an event loop.
   *
   * @param cpu processor time of this process after which it ends
   * @param wall time after which it ends
   */
  public static void practise(Vertx vertx, Duration cpu, Duration wall) {
    Practice.run(vertx, cpu, wall);
  }

  @Override
  protected int loops() {
    return bumblebee.getLoops();
  }

  @Override
  protected Future<ServiceWork> begin(Surroundings in) {
    return plane(in, bumblebee)
        .recover(BumblebeeVerticle::refused)
        .map(
            plane -> {
              BumblebeeWork made =
                  new BumblebeeWork(
                      in.control(), plane, new TunnelService(plane, options().getRuntimeDir()));
              work = made;
              return made;
            });
  }

  /** What the machine or this user has not is said in a sentence. */
  private static Future<KernelPlane> refused(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause instanceof LinuxException e && MISSING.contains(e.errno())
        ? Future.failedFuture(
            new StartException(
                "Bumblebee cannot start: it needs CAP_NET_ADMIN, CAP_SYS_ADMIN and /dev/net/tun ("
                    + cause.getMessage()
                    + "); `oxbow check` tells what is missing.",
                failure))
        : Future.failedFuture(failure);
  }

  private static Future<KernelPlane> plane(Surroundings in, BumblebeeOptions options) {
    PlaneOptions sizes =
        new PlaneOptions(
            options.getMaxTunnels(),
            options.getGroupConnections(),
            options.getGroupConnections(),
            options.getHandshakes());
    Cargo cargo = in.inherited();
    return cargo == null
        ? KernelPlane.open(in.control(), in.loops(), sizes)
        : KernelPlane.inherit(in.control(), in.loops(), sizes, cargo);
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public Map<String, Long> counts() {
    BumblebeeWork own = work;
    return own == null
        ? Map.of()
        : Map.of(
            "tunnels",
            (long) own.tunnels().table().live().size(),
            "connections",
            own.plane().counters().connections());
  }
}

package dev.oxbow.fish;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fish.attribution.BlockLog;
import dev.oxbow.fish.partner.PartnerProvider;
import dev.oxbow.fish.session.Tables;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.service.verticle.ServiceWork;
import dev.oxbow.service.verticle.Surroundings;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Fish as a verticle. All packets are carried on its one event loop. The process needs
 * CAP_NET_ADMIN, /dev/net/tun and nft.
 */
public final class FishVerticle extends ServiceVerticle {

  /** The service's name, and that of its control socket. */
  public static final String NAME = "fish";

  /** Of the state that it hands over, and the oldest that it takes over. */
  public static final Layout LAYOUT = new Layout(Tables.LAYOUT, Tables.OLDEST_LAYOUT);

  private final FishOptions fish;
  private final @Nullable Namespace namespace;
  private @Nullable FishWork work;

  /** A Fish with a control socket, in the network namespace of this process. */
  public FishVerticle(OxbowOptions options) {
    this(options, null, null);
  }

  /**
   * A Fish that goes on with what another process has handed over: it is frozen when it has
   * started.
   */
  public FishVerticle(OxbowOptions options, Cargo inherited) {
    this(options, inherited, null);
  }

  /**
   * A Fish in another network namespace.
   *
   * @param inherited what another process has handed over, or null
   * @param namespace stays its owner's, and open until the verticle has ended; null for that of
   *     this process
   */
  public FishVerticle(
      OxbowOptions options, @Nullable Cargo inherited, @Nullable Namespace namespace) {
    this(options, inherited, namespace, null);
  }

  /**
   * A Fish in another network namespace, without a control socket.
   *
   * @param address where it takes requests on the event bus; null for the control socket
   */
  FishVerticle(
      OxbowOptions options,
      @Nullable Cargo inherited,
      @Nullable Namespace namespace,
      @Nullable String address) {
    super(NAME, options, inherited, address);
    FishOptions own = options().getFish();
    this.fish = own == null ? new FishOptions() : own;
    this.namespace = namespace;
  }

  /**
   * Hands over and back a Fish that nobody uses, again and again, so that the JVM has compiled what
   * is needed for it. Leaves nothing behind. Needs CAP_SYS_ADMIN, for a network namespace of its
   * own, besides what a Fish needs. Blocks; not on an event loop.
   *
   * @param cpu processor time of this process after which it ends
   * @param wall time after which it ends
   */
  public static void practise(Vertx vertx, Duration cpu, Duration wall) {
    Practice.run(vertx, cpu, wall);
  }

  @Override
  protected int loops() {
    return 1;
  }

  @Override
  protected Future<ServiceWork> begin(Surroundings in) {
    Grants grants = Grants.of(fish.getEgress(), options().getQuotas());
    return blocking(in, () -> installation(in, grants)).compose(made -> begun(in, grants, made));
  }

  private Installation installation(Surroundings in, Grants grants) {
    Path directory = options().getRuntimeDir();
    Cargo cargo = in.inherited();
    if (cargo == null) {
      return Installation.open(in.control(), fish, grants, directory);
    }
    FishStore.requireSame(fish, cargo);
    return Installation.inherit(in.control(), fish, grants, directory, cargo);
  }

  private Future<ServiceWork> begun(Surroundings in, Grants grants, Installation installation) {
    boolean inherited = in.inherited() != null;
    FishPlane plane =
        new FishPlane(in.control(), installation, inherited, task -> blocking(in, task));
    return paired(in, plane, installation)
        .compose(
            v -> {
              BlockLog log = plane.portLog(BlockLog.source(fish));
              if (!inherited) {
                plane.sessions().thaw();
              }
              FishWork made =
                  new FishWork(
                      in.control(),
                      fish,
                      plane,
                      new SessionService(plane.sessions(), grants, options().getRuntimeDir(), log));
              work = made;
              return Future.<ServiceWork>succeededFuture(made);
            })
        .recover(
            e ->
                plane
                    .giveUp()
                    .transform(
                        undone -> {
                          if (undone.failed()) {
                            e.addSuppressed(undone.cause());
                          }
                          return Future.failedFuture(e);
                        }));
  }

  /** Without a section {@code pair} nobody looks for a module that has partners. */
  private Future<Void> paired(Surroundings in, FishPlane plane, Installation installation) {
    PairOptions pair = fish.getPair();
    if (pair == null) {
      return Future.succeededFuture();
    }
    return blocking(
            in,
            () -> {
              plane.pair(PartnerProvider.find().of(fish, in.control(), installation.files()), pair);
              return true;
            })
        .mapEmpty();
  }

  private <T> Future<T> blocking(Surroundings in, Callable<T> task) {
    Namespace inside = namespace;
    return in.vertx().executeBlocking(inside == null ? task : () -> inside.call(task));
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public Map<String, Long> counts() {
    FishWork own = work;
    return own == null ? Map.of() : Map.of("sessions", (long) own.sessions().table().live().size());
  }
}

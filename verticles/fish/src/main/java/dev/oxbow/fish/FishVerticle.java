package dev.oxbow.fish;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fish.session.SessionPlane;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.service.verticle.ServiceWork;
import dev.oxbow.service.verticle.Surroundings;
import io.vertx.core.Future;
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

  /** It is not handed over: no version reads the state of another. */
  public static final Layout LAYOUT = Layout.STAYS;

  private final FishOptions fish;
  private final @Nullable Namespace namespace;
  private @Nullable FishWork work;

  /** A Fish with a control socket, in the network namespace of this process. */
  public FishVerticle(OxbowOptions options) {
    this(options, null, null);
  }

  /**
   * A Fish in another network namespace.
   *
   * @param namespace stays its owner's, and open until the verticle has ended; null for that of
   *     this process
   */
  public FishVerticle(OxbowOptions options, @Nullable Namespace namespace) {
    this(options, namespace, null);
  }

  /**
   * A Fish in another network namespace, without a control socket.
   *
   * @param address where it takes requests on the event bus; null for the control socket
   */
  FishVerticle(OxbowOptions options, @Nullable Namespace namespace, @Nullable String address) {
    super(NAME, options, null, address);
    FishOptions own = options().getFish();
    this.fish = own == null ? new FishOptions() : own;
    this.namespace = namespace;
  }

  @Override
  protected int loops() {
    return 1;
  }

  @Override
  protected Future<ServiceWork> begin(Surroundings in) {
    Grants grants = Grants.of(fish.getEgress());
    return this.<Installation>blocking(
            in, () -> Installation.open(fish, grants, options().getRuntimeDir()))
        .map(
            installation -> {
              SessionPlane plane = SessionPlane.open(in.control(), installation.parts());
              SessionService sessions =
                  new SessionService(plane, grants, options().getRuntimeDir());
              FishWork made =
                  new FishWork(
                      new FishPlane(plane, installation, task -> blocking(in, task)), sessions);
              work = made;
              return made;
            });
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

package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.verticle.ServiceVerticle;
import dev.oxbow.service.verticle.ServiceWork;
import dev.oxbow.service.verticle.Surroundings;
import dev.oxbow.splicer.relay.SplicePlane;
import dev.oxbow.splicer.relay.Strays;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Splicer as a verticle. {@link SplicerOptions#getLoops()} says on how many event loops it relays.
 */
public final class SplicerVerticle extends ServiceVerticle {

  /** The service's name, and that of its control socket. */
  public static final String NAME = "splicer";

  /** Of the state that it hands over, and the oldest that it takes over. */
  public static final Layout LAYOUT = new Layout(SplicePlane.LAYOUT, SplicePlane.OLDEST_LAYOUT);

  private final SplicerOptions splicer;
  private @Nullable SplicerWork work;

  /** A Splicer with a control socket. */
  public SplicerVerticle(OxbowOptions options) {
    this(options, null, null);
  }

  /**
   * A Splicer with a control socket that goes on with what another process has handed over: it is
   * frozen when it has started.
   */
  public SplicerVerticle(OxbowOptions options, Cargo inherited) {
    this(options, inherited, null);
  }

  /**
   * A Splicer without a control socket.
   *
   * @param inherited what another process has handed over, or null
   * @param address where it takes requests on the event bus; null for the control socket
   */
  SplicerVerticle(OxbowOptions options, @Nullable Cargo inherited, @Nullable String address) {
    super(NAME, options, inherited, address);
    SplicerOptions own = options().getSplicer();
    this.splicer = own == null ? new SplicerOptions() : own;
  }

  /**
   * Hands over and back a Splicer that nobody uses, again and again, so that the JVM has compiled
   * what is needed for it. Leaves nothing behind. Blocks; not on an event loop.
   *
   * @param cpu processor time of this process after which it ends
   * @param wall time after which it ends
   */
  public static void practise(Vertx vertx, Duration cpu, Duration wall) {
    Practice.run(vertx, cpu, wall);
  }

  @Override
  protected int loops() {
    return splicer.getLoops();
  }

  @Override
  protected Future<ServiceWork> begin(Surroundings in) {
    int relays = (int) Math.min(1 << 20, Math.max(64, Syscalls.descriptorLimit() / 2));
    SplicePlane.Options sizes =
        new SplicePlane.Options(
            relays,
            splicer.getPipeBytes(),
            splicer.getIdlePipes(),
            splicer.getStallMs(),
            splicer.getBusyPollMicros());
    Accounts accounts = in.accounts();
    Strays strays = (uid, descriptors) -> closeStrays(accounts.of(uid), descriptors);
    Cargo cargo = in.inherited();
    SplicePlane plane =
        cargo == null
            ? new SplicePlane(in.control(), in.loops(), sizes, strays)
            : SplicePlane.inherit(in.control(), in.loops(), sizes, strays, cargo);
    SplicerWork made =
        new SplicerWork(in.control(), plane, new RelayService(plane, accounts.reserve()));
    work = made;
    return Future.succeededFuture(made);
  }

  private static void closeStrays(Account account, List<Descriptor> descriptors) {
    account.addDescriptors(descriptors.size());
    account.close(descriptors, Account.Manner.NO_LINGER);
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public Map<String, Long> counts() {
    SplicerWork own = work;
    return Map.of("relays", own == null ? 0L : own.relays().live().size());
  }
}

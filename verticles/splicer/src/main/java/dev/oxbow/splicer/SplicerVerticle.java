package dev.oxbow.splicer;

import static java.util.Objects.requireNonNull;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.control.ControlServer;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.control.ServiceSpec;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.runtime.Version;
import dev.oxbow.splicer.relay.DataPlane;
import dev.oxbow.splicer.relay.SplicePlane;
import dev.oxbow.splicer.relay.Strays;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Splicer as a verticle: control plane and first relay loop on its own event loop, more relay loops
 * on others. Deploy one instance; {@link SplicerOptions#getLoops()} says on how many loops it
 * relays.
 *
 * <p>With a control socket it serves {@code <runtimeDir>/splicer.sock}, whose directory must exist.
 * Stopping it ends its relays as aborted and gives them back to their apps first.
 */
public final class SplicerVerticle extends VerticleBase implements Transferable {

  /** The service's name, and that of its control socket. */
  public static final String NAME = "splicer";

  /** Of the state that it hands over, and the oldest that it takes over. */
  public static final Layout LAYOUT = new Layout(SplicePlane.LAYOUT, SplicePlane.OLDEST_LAYOUT);

  /** How long connected apps have, when the service stops, to take what is in their mailboxes. */
  private static final long FAREWELL_NANOS = 2_000_000_000;

  private static final long LOOK_NANOS = 10_000_000;

  private final OxbowOptions options;
  private final @Nullable Cargo inherited;
  private final @Nullable String address;
  private @Nullable Descriptor given;
  private @Nullable DescriptorLoop loop;
  private @Nullable SplicePlane plane;
  private @Nullable RelayService service;
  private @Nullable Accounts accounts;
  private @Nullable Mailboxes mailboxes;
  private @Nullable ControlServer server;
  private @Nullable EmbeddedEndpoint endpoint;
  private Future<?> freezing = Future.succeededFuture();

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
    this.options = new OxbowOptions(options);
    this.inherited = inherited;
    this.address = address;
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

  /**
   * Serves a control socket that somebody else has opened, instead of making one; its file is left
   * alone at the end.
   *
   * @param listener non-blocking, SOCK_SEQPACKET; owned by this verticle from here on
   */
  public void setListener(Descriptor listener) {
    given = listener;
  }

  @Override
  public Future<?> start() {
    SplicerOptions splicer =
        options.getSplicer() == null ? new SplicerOptions() : options.getSplicer();
    DescriptorLoop own = DescriptorLoop.of(context);
    loop = own;
    int loops =
        splicer.getLoops() == 0 ? Runtime.getRuntime().availableProcessors() : splicer.getLoops();
    return moreLoops(loops - 1)
        .compose(
            others -> {
              List<DescriptorLoop> all = new ArrayList<>(List.of(own));
              all.addAll(others);
              return begin(own, all, splicer);
            });
  }

  private Future<?> begin(DescriptorLoop own, List<DescriptorLoop> all, SplicerOptions splicer) {
    int relays = (int) Math.min(1 << 20, Math.max(64, Syscalls.descriptorLimit() / 2));
    Accounts uids = new Accounts(options.getQuotas(), own);
    accounts = uids;
    SplicePlane.Options sizes =
        new SplicePlane.Options(
            relays,
            splicer.getPipeBytes(),
            splicer.getIdlePipes(),
            splicer.getStallMs(),
            splicer.getBusyPollMicros());
    Strays strays = (uid, descriptors) -> closeStrays(uids.of(uid), descriptors);
    plane =
        inherited == null
            ? new SplicePlane(own, all, sizes, strays)
            : SplicePlane.inherit(own, all, sizes, strays, inherited);
    service = new RelayService(plane, uids.reserve());
    mailboxes = new Mailboxes(own);
    if (address != null) {
      endpoint = new EmbeddedEndpoint(vertx.eventBus(), address, own, service, uids);
      return inherited == null
          ? Future.succeededFuture()
          : restore(service, endpoint.inherit(inherited), inherited);
    }
    return serve(own, service, uids, mailboxes);
  }

  private static Future<?> restore(RelayService service, MailboxStore store, Cargo cargo) {
    RelayStore.restore(service, store, cargo);
    return cargo.names().isEmpty()
        ? Future.succeededFuture()
        : Future.failedFuture(
            new IllegalArgumentException("handed over and not understood: " + cargo.names()));
  }

  private Future<?> serve(DescriptorLoop own, RelayService relays, Accounts uids, Mailboxes boxes) {
    ServiceSpec spec =
        new ServiceSpec(
            NAME, Version.current(), new SplicerOperations(relays).byOp(), relays::stats);
    ControlOptions control = options.getControl();
    Path path = options.getRuntimeDir().resolve(NAME + ".sock");
    ControlServer made = new ControlServer(own, spec, control, uids, boxes);
    if (inherited != null) {
      server = made;
      return restore(relays, made.inherit(inherited), inherited);
    }
    Descriptor existing = given;
    Future<Descriptor> bound =
        existing == null
            ? vertx.executeBlocking(() -> ControlSocket.listen(path, control))
            : Future.succeededFuture(existing);
    return bound
        .map(
            (Descriptor listener) -> {
              server = made;
              made.listen(listener);
              return made;
            })
        .onFailure(e -> closeAll());
  }

  private static void closeStrays(Account account, List<Descriptor> descriptors) {
    account.addDescriptors(descriptors.size());
    account.close(descriptors, Account.Manner.NO_LINGER);
  }

  /** Event loops beside this verticle's own, each with a verticle that only holds its place. */
  private Future<List<DescriptorLoop>> moreLoops(int count) {
    if (count == 0) {
      return Future.succeededFuture(List.of());
    }
    List<DescriptorLoop> loops = new CopyOnWriteArrayList<>();
    return vertx
        .deployVerticle(
            () ->
                new VerticleBase() {
                  @Override
                  public Future<?> start() {
                    loops.add(DescriptorLoop.of(context));
                    return Future.succeededFuture();
                  }
                },
            new DeploymentOptions().setInstances(count))
        .map(id -> List.copyOf(loops));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public int groups() {
    return DataPlane.GROUPS;
  }

  @Override
  public Map<String, Long> counts() {
    RelayService relays = service;
    return Map.of("relays", relays == null ? 0L : relays.live().size());
  }

  @Override
  public int flows(int group) {
    return plane().flows(group);
  }

  @Override
  public Future<Long> descriptors() {
    return onLoop(
        () -> {
          long held =
              requireNonNull(accounts).all().stream()
                  .mapToLong(account -> account.descriptors() + account.connections())
                  .sum();
          long pipes = plane().counters().pipes() + plane().pipesToShare();
          return Future.succeededFuture(held + 2 * pipes);
        });
  }

  @Override
  public Future<Cargo> freeze() {
    Cargo cargo = new Cargo();
    return onLoop(
        () -> {
          Future<Cargo> frozen =
              freezeControl()
                  .compose(v -> plane().share(cargo))
                  .compose(v -> export(cargo))
                  .map(cargo)
                  .onFailure(e -> cargo.close());
          freezing = frozen;
          return frozen;
        });
  }

  private Future<Void> export(Cargo cargo) {
    MailboxStore store =
        server == null ? requireNonNull(endpoint).export(cargo) : server.export(cargo);
    return RelayStore.export(requireNonNull(service), store, cargo, requireNonNull(loop));
  }

  private Future<Void> freezeControl() {
    return server == null ? requireNonNull(endpoint).freeze() : server.freeze();
  }

  @Override
  public Future<Void> freeze(int group) {
    return plane().freeze(group);
  }

  @Override
  public Future<Void> thaw(int group) {
    return plane().thaw(group);
  }

  @Override
  public Future<Void> thaw() {
    return onLoop(
        () -> {
          if (server != null) {
            server.giveUpFreeze();
          }
          // No step of a freeze that took too long may come after this.
          return freezing.transform(v -> plane().unshare()).compose(v -> thawControl());
        });
  }

  private Future<Void> thawControl() {
    if (server == null) {
      requireNonNull(endpoint).thaw();
    } else {
      server.thaw();
    }
    return Future.succeededFuture();
  }

  /**
   * Ends as if the process had ended: closes what another one has, too, without touching it. All
   * groups must be frozen.
   */
  Future<Void> abandon() {
    return onLoop(
        () -> {
          requireNonNull(service).abandon();
          service = null;
          SplicePlane own = plane();
          plane = null;
          return own.abandon().onComplete(v -> closeAll());
        });
  }

  private SplicePlane plane() {
    return requireNonNull(plane);
  }

  private <T> Future<T> onLoop(Supplier<Future<T>> task) {
    Promise<T> done = Promise.promise();
    requireNonNull(loop)
        .execute(() -> Future.<Void>succeededFuture().compose(v -> task.get()).onComplete(done));
    return done.future();
  }

  @Override
  public Future<?> stop() {
    if (service == null || loop == null) {
      return Future.succeededFuture();
    }
    return service.stop().compose(v -> farewell()).onComplete(v -> closeAll());
  }

  /** Waits until the mailboxes of connected apps are empty, for a while. */
  private Future<Void> farewell() {
    Promise<Void> done = Promise.promise();
    if (mailboxes != null && loop != null) {
      look(loop, mailboxes, server, System.nanoTime() + FAREWELL_NANOS, done);
    }
    return done.future();
  }

  private static void look(
      DescriptorLoop loop,
      Mailboxes boxes,
      @Nullable ControlServer server,
      long deadline,
      Promise<Void> done) {
    long waiting = boxes.undelivered() + (server == null ? 0 : server.undelivered());
    if (waiting == 0 || System.nanoTime() >= deadline) {
      done.complete();
    } else {
      loop.schedule(() -> look(loop, boxes, server, deadline, done), LOOK_NANOS);
    }
  }

  private void closeAll() {
    if (endpoint != null) {
      endpoint.close();
    }
    if (server != null) {
      server.close();
    }
    if (given != null) {
      given.close();
    } else if (server != null) {
      ControlSocket.remove(options.getRuntimeDir().resolve(NAME + ".sock"));
    }
    if (mailboxes != null) {
      mailboxes.close();
    }
    if (accounts != null) {
      accounts.close();
    }
    if (plane != null) {
      plane.close();
    }
  }
}

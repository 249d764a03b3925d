package dev.oxbow.service.verticle;

import static java.util.Objects.requireNonNull;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.control.ControlServer;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.control.ServiceSpec;
import dev.oxbow.service.local.LocalEndpoint;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.runtime.Version;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A service as a verticle: control plane and first data loop on its own event loop, more data loops
 * on others. Deploy one instance.
 *
 * <p>With a control socket it serves {@code <runtimeDir>/<name>.sock}, whose directory must exist.
 * Stopping it ends its work as aborted and gives it back to its apps first.
 */
public abstract class ServiceVerticle extends VerticleBase implements Transferable {

  /** How long connected apps have, when the service stops, to take what is in their mailboxes. */
  private static final long FAREWELL_NANOS = 2_000_000_000;

  private static final long LOOK_NANOS = 10_000_000;

  private final String name;
  private final OxbowOptions options;
  private final @Nullable Cargo inherited;
  private final @Nullable String address;
  private @Nullable Descriptor given;
  private @Nullable DescriptorLoop loop;
  private @Nullable ServiceWork work;
  private @Nullable Accounts accounts;
  private @Nullable Mailboxes mailboxes;
  private @Nullable ControlServer server;
  private @Nullable LocalEndpoint endpoint;
  private Future<?> freezing = Future.succeededFuture();

  /**
   * @param inherited what another process has handed over, or null; it is frozen then when it has
   *     started
   * @param address where it takes requests on the event bus; null for the control socket
   */
  protected ServiceVerticle(
      String name, OxbowOptions options, @Nullable Cargo inherited, @Nullable String address) {
    this.name = name;
    this.options = new OxbowOptions(options);
    this.inherited = inherited;
    this.address = address;
  }

  /** As it was given. */
  protected final OxbowOptions options() {
    return options;
  }

  /** Event loops that move data; 0 = one per processor. */
  protected abstract int loops();

  /** Makes what the service does. On the control loop. */
  protected abstract Future<ServiceWork> begin(Surroundings surroundings);

  /**
   * Serves a control socket that somebody else has opened, instead of making one; its file is left
   * alone at the end.
   *
   * @param listener non-blocking, SOCK_SEQPACKET; owned by this verticle from here on
   */
  public final void setListener(Descriptor listener) {
    given = listener;
  }

  @Override
  public final Future<?> start() {
    DescriptorLoop own = DescriptorLoop.of(context);
    loop = own;
    int count = loops() == 0 ? Runtime.getRuntime().availableProcessors() : loops();
    return moreLoops(count - 1)
        .compose(
            others -> {
              List<DescriptorLoop> all = new ArrayList<>(List.of(own));
              all.addAll(others);
              Accounts uids = new Accounts(options.getQuotas(), own);
              accounts = uids;
              mailboxes = new Mailboxes(own);
              return begin(new Surroundings(vertx, own, all, uids, inherited));
            })
        .compose(
            made -> {
              work = made;
              return address == null ? serve(made) : embed(made, address);
            })
        .recover(this::notStarted);
  }

  /**
   * What another process has handed over is left alone, down to the file of its socket: that
   * process goes on with all of it, and this one ends. One without a control socket may live in a
   * process that does not end, and closes its copies.
   */
  private <T> Future<T> notStarted(Throwable cause) {
    if (inherited != null && address == null) {
      return Future.failedFuture(cause);
    }
    return (inherited == null ? closeAll() : leave()).transform(v -> Future.failedFuture(cause));
  }

  private Future<Void> embed(ServiceWork made, String at) {
    LocalEndpoint own =
        new LocalEndpoint(
            vertx.eventBus(), at, requireNonNull(loop), made, requireNonNull(accounts));
    endpoint = own;
    return inherited == null
        ? Future.succeededFuture()
        : restore(made, own.inherit(inherited), inherited);
  }

  private static Future<Void> restore(ServiceWork work, MailboxStore store, Cargo cargo) {
    work.restore(store, cargo);
    return cargo.names().isEmpty()
        ? Future.succeededFuture()
        : Future.failedFuture(
            new IllegalArgumentException("handed over and not understood: " + cargo.names()));
  }

  private Future<Void> serve(ServiceWork made) {
    ServiceSpec spec = new ServiceSpec(name, Version.current(), made.operations(), made::stats);
    ControlOptions control = options.getControl();
    ControlServer plane =
        new ControlServer(
            requireNonNull(loop),
            spec,
            control,
            requireNonNull(accounts),
            requireNonNull(mailboxes));
    if (inherited != null) {
      server = plane;
      return restore(made, plane.inherit(inherited), inherited);
    }
    Descriptor existing = given;
    Future<Descriptor> bound =
        existing == null
            ? vertx.executeBlocking(() -> ControlSocket.listen(path(), control))
            : Future.succeededFuture(existing);
    return bound
        .map(
            (Descriptor listener) -> {
              server = plane;
              plane.listen(listener);
              return plane;
            })
        .mapEmpty();
  }

  private Path path() {
    return options.getRuntimeDir().resolve(name + ".sock");
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
  public final String name() {
    return name;
  }

  @Override
  public final int groups() {
    return ServicePlane.GROUPS;
  }

  @Override
  public final int flows(int group) {
    return work().plane().flows(group);
  }

  @Override
  public final Future<Void> freeze(int group) {
    return work().plane().freeze(group);
  }

  @Override
  public final Future<Void> thaw(int group) {
    return work().plane().thaw(group);
  }

  @Override
  public final Future<Long> descriptors() {
    return onLoop(
        () -> {
          long held =
              requireNonNull(accounts).all().stream()
                  .mapToLong(account -> account.descriptors() + account.connections())
                  .sum();
          return Future.succeededFuture(held + work().descriptors());
        });
  }

  @Override
  public final Future<Cargo> freeze() {
    Cargo cargo = new Cargo();
    return onLoop(
        () -> {
          Future<Cargo> frozen =
              freezeControl()
                  .compose(v -> work().plane().share(cargo))
                  .compose(v -> work().export(exportControl(cargo), cargo))
                  .map(cargo)
                  .onFailure(e -> cargo.close());
          freezing = frozen;
          return frozen;
        });
  }

  private MailboxStore exportControl(Cargo cargo) {
    return server == null ? requireNonNull(endpoint).export(cargo) : server.export(cargo);
  }

  private Future<Void> freezeControl() {
    return server == null ? requireNonNull(endpoint).freeze() : server.freeze();
  }

  @Override
  public final Future<Void> thaw() {
    return onLoop(
        () -> {
          if (server != null) {
            server.giveUpFreeze();
          }
          // No step of a freeze that took too long may come after this.
          return freezing.transform(v -> work().plane().unshare()).compose(v -> thawControl());
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
  public final Future<Void> abandon() {
    return onLoop(this::leave);
  }

  private Future<Void> leave() {
    ServiceWork left = work;
    work = null;
    if (left == null) {
      return closeAll();
    }
    left.forget();
    return left.plane().abandon().compose(v -> closeAll());
  }

  /** Abandons and undeploys it, whatever a hand-over has come to. */
  final Future<Void> giveUp() {
    Future<Void> frozen = freezing.transform(v -> Future.succeededFuture());
    for (int i = 0; i < groups(); i++) {
      int group = i;
      frozen = frozen.compose(v -> freeze(group));
    }
    return frozen.compose(v -> abandon()).compose(v -> vertx.undeploy(context.deploymentID()));
  }

  private ServiceWork work() {
    return requireNonNull(work);
  }

  private <T> Future<T> onLoop(Supplier<Future<T>> task) {
    Promise<T> done = Promise.promise();
    requireNonNull(loop)
        .execute(() -> Future.<Void>succeededFuture().compose(v -> task.get()).onComplete(done));
    return done.future();
  }

  @Override
  public final Future<?> stop() {
    return work == null
        ? Future.succeededFuture()
        : work.stop().compose(v -> farewell()).transform(v -> closeAll());
  }

  /** Waits until the mailboxes of connected apps are empty, for a while. */
  private Future<Void> farewell() {
    Promise<Void> done = Promise.promise();
    look(System.nanoTime() + FAREWELL_NANOS, done);
    return done.future();
  }

  private void look(long deadline, Promise<Void> done) {
    long waiting =
        requireNonNull(mailboxes).undelivered() + (server == null ? 0 : server.undelivered());
    if (waiting == 0 || System.nanoTime() >= deadline) {
      done.complete();
    } else {
      requireNonNull(loop).schedule(() -> look(deadline, done), LOOK_NANOS);
    }
  }

  private Future<Void> closeAll() {
    if (endpoint != null) {
      endpoint.close();
    }
    if (server != null) {
      server.close();
    }
    if (given != null) {
      given.close();
    } else if (server != null) {
      ControlSocket.remove(path());
    }
    if (mailboxes != null) {
      mailboxes.close();
    }
    // All of it is closed before the event loop ends, and with it perhaps the process.
    Future<Void> closed = accounts == null ? Future.succeededFuture() : accounts.close();
    ServiceWork left = work;
    return left == null ? closed : left.close().transform(v -> closed);
  }
}

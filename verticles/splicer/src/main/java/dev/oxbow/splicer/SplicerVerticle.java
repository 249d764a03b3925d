package dev.oxbow.splicer;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.control.ControlServer;
import dev.oxbow.service.control.ControlSocket;
import dev.oxbow.service.control.ServiceSpec;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import dev.oxbow.service.runtime.Version;
import dev.oxbow.splicer.relay.SplicePlane;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Splicer as a verticle: control plane and first relay loop on its own event loop, more relay loops
 * on others. Deploy one instance; {@link SplicerOptions#getLoops()} says on how many loops it
 * relays.
 *
 * <p>With a control socket it serves {@code <runtimeDir>/splicer.sock}, whose directory must exist.
 * Stopping it ends its relays as aborted and gives them back to their apps first.
 */
public final class SplicerVerticle extends VerticleBase {

  /** The service's name, and that of its control socket. */
  public static final String NAME = "splicer";

  /** How long connected apps have, when the service stops, to take what is in their mailboxes. */
  private static final long FAREWELL_NANOS = 2_000_000_000;

  private static final long LOOK_NANOS = 10_000_000;

  private final OxbowOptions options;
  private final @Nullable String address;
  private @Nullable Descriptor given;
  private @Nullable DescriptorLoop loop;
  private @Nullable SplicePlane plane;
  private @Nullable RelayService service;
  private @Nullable Accounts accounts;
  private @Nullable Mailboxes mailboxes;
  private @Nullable ControlServer server;
  private @Nullable EmbeddedEndpoint endpoint;

  /** A Splicer with a control socket. */
  public SplicerVerticle(OxbowOptions options) {
    this(options, null);
  }

  /**
   * A Splicer without a control socket.
   *
   * @param address where it takes requests on the event bus; null for the control socket
   */
  SplicerVerticle(OxbowOptions options, @Nullable String address) {
    this.options = new OxbowOptions(options);
    this.address = address;
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
    plane =
        new SplicePlane(
            own,
            all,
            new SplicePlane.Options(
                relays, splicer.getPipeBytes(), splicer.getIdlePipes(), splicer.getStallMs()),
            (uid, descriptors) -> closeStrays(uids.of(uid), descriptors));
    service = new RelayService(plane);
    mailboxes = new Mailboxes(own);
    if (address != null) {
      endpoint = new EmbeddedEndpoint(vertx.eventBus(), address, own, service, uids);
      return Future.succeededFuture();
    }
    return serve(own, service, uids, mailboxes);
  }

  private Future<?> serve(DescriptorLoop own, RelayService relays, Accounts uids, Mailboxes boxes) {
    ServiceSpec spec =
        new ServiceSpec(
            NAME, Version.current(), new SplicerOperations(relays).byOp(), relays::stats);
    ControlOptions control = options.getControl();
    Path path = options.getRuntimeDir().resolve(NAME + ".sock");
    Descriptor existing = given;
    Future<Descriptor> bound =
        existing == null
            ? vertx.executeBlocking(() -> ControlSocket.listen(path, control))
            : Future.succeededFuture(existing);
    return bound
        .map(
            (Descriptor listener) -> {
              server = new ControlServer(own, spec, control, uids, boxes);
              server.listen(listener);
              return server;
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

package dev.oxbow.bumblebee;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import dev.oxbow.service.client.TransferableClient;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.work.WorkTable;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.core.streams.ReadStream;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes kernel TCP sockets of the connections in flows of IP packets. One interface, whether that
 * happens in this process or in another: {@link #embedded} and {@link #remote} keep the same
 * promises.
 *
 * <p>Any thread; futures and handlers are called on the context of whoever called, or on one of
 * this Bumblebee's own. Failed futures carry a {@link BumblebeeException}.
 */
public interface Bumblebee {

  /** Tunnels in one {@link #list} at most. */
  int MAX_PAGE = WorkTable.MAX_PAGE;

  /**
   * Starts a Bumblebee inside a Vert.x of the caller's. The process needs CAP_NET_ADMIN,
   * CAP_SYS_ADMIN and /dev/net/tun.
   *
   * @param vertx made with {@code VertxOptions.setPreferNativeTransport(true)}
   * @param options its {@code bumblebee} section is used, and {@code quotas} for this process's uid
   * @return fails with the cause when a right or native epoll is missing
   */
  static Future<Bumblebee> embedded(Vertx vertx, OxbowOptions options) {
    return EmbeddedBumblebee.start(vertx, options);
  }

  /**
   * Uses the Bumblebee of another process through its control socket. The connection is made again
   * by itself when it is lost, and what came meanwhile is delivered then.
   *
   * @param socket the control socket, such as {@code /run/oxbow/bumblebee.sock}
   * @param app names the mailbox that connections go to, {@code [A-Za-z0-9._-]{1,64}}
   * @return fails when the first connection cannot be made or is refused
   */
  static Future<Bumblebee> remote(Vertx vertx, Path socket, String app) {
    return RemoteBumblebee.connect(vertx, socket, app);
  }

  /**
   * As {@link #embedded(Vertx, OxbowOptions)}, with all that another process has handed over: its
   * tunnels, and the connections and reports that waited. Frozen until its {@link #transferable()}
   * is thawed; whose tunnels these are is told by their metadata, their reports go to the {@link
   * #unclaimedHandler}, which is to be set before that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   */
  static Future<Bumblebee> embedded(Vertx vertx, OxbowOptions options, Cargo cargo) {
    return EmbeddedBumblebee.inherit(vertx, options, cargo);
  }

  /**
   * As {@link #remote(Vertx, Path, String)}, with the very connection of another process: the
   * service notices nothing, and each connection of a client comes to exactly one of the two.
   * Frozen until its {@link #transferable()} is thawed; set the {@link #unclaimedHandler} before
   * that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   * @throws IllegalArgumentException when that was for another socket or app, or is incomplete
   */
  static Bumblebee remote(Vertx vertx, Path socket, String app, Cargo cargo) {
    return RemoteBumblebee.inherit(vertx, socket, app, cargo);
  }

  /** What an {@link #embedded} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> embeddedLayout() {
    return Map.of(BumblebeeVerticle.NAME, BumblebeeVerticle.LAYOUT);
  }

  /** What a {@link #remote} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> remoteLayout() {
    return Map.of(RemoteBumblebee.CLIENT, TransferableClient.LAYOUT);
  }

  /**
   * This Bumblebee as what a process hands over to the next one: an embedded one with its tunnels,
   * a remote one with its connection; and connections that wait in {@link #connections()}. Freeze
   * first what calls {@link #upgrade}, and wait for the answers. When it is frozen, the handler of
   * each connection and report that was given out has returned; it gives out no more, whether it is
   * paused or not.
   *
   * <p>What a handler began goes on, so what it hands connections to is to be frozen later. Or
   * {@link ReadStream#pause pause} the {@link #connections()} first, on the context that called
   * {@link #embedded} or {@link #remote} and that handlers are called on, and {@link
   * ReadStream#resume resume} at the thaw: those that come meanwhile wait, here or there. What
   * waited is given out by whichever thread thaws; a handler that needs its context goes there by
   * itself.
   */
  Transferable transferable();

  /**
   * Carries a flow from here on. When the future succeeds, the Bumblebee owns the flow and gives it
   * back with the report; when it fails, the caller owns it as before and nothing happened to it.
   *
   * <p>With one exception, for {@link #remote} only: {@link BumblebeeException#outcomeOpen()} says
   * that the request was sent and the connection was lost before the answer came. There may be a
   * tunnel then, whose connections come all the same; do not read or write the flow, and close the
   * descriptor.
   */
  Future<Tunnel> upgrade(UpgradeRequest request);

  /**
   * The connections of all tunnels of this app, also of those that were opened in an earlier life
   * of it. The callee owns each socket. Until there is a handler, and while it is paused, they
   * wait: 4,096 at most, then the oldest is reset.
   */
  ReadStream<TunnelConnection> connections();

  /**
   * The live tunnels of this app, oldest first; for root those of everybody.
   *
   * @param after the last tunnel of the page before, or null for the first page
   * @param limit 1 to 1000
   */
  Future<TunnelPage> list(@Nullable String after, int limit);

  /**
   * Ends a tunnel early: its connections are reset, and its report follows with reason {@link
   * EndReason#ABORTED}.
   */
  Future<Void> abort(String tunnel);

  /** Counters of the service. */
  Future<JsonObject> stats();

  /**
   * Who gets the reports of tunnels that this object did not open: those of an earlier life of the
   * same app. The callee owns the flows. Until there is a handler they wait, 4,096 at most.
   */
  Bumblebee unclaimedHandler(Handler<TunnelReport> handler);

  /**
   * Ends this object's use of the service; idempotent. An embedded Bumblebee ends its tunnels as
   * aborted and delivers their reports first; a remote one leaves them running for the next of the
   * same app.
   */
  Future<Void> close();
}

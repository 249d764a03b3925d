package dev.oxbow.fish;

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
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sends the packets of flows from exactly the addresses and ports that are asked for, and brings
 * the replies back. One interface, whether that happens in this process or in another: {@link
 * #embedded} and {@link #remote} keep the same promises.
 *
 * <p>Any thread; futures and handlers are called on the context of whoever called, or on one of
 * this Fish's own. Failed futures carry a {@link FishException}.
 */
public interface Fish {

  /** Sessions in one {@link #list} at most. */
  int MAX_PAGE = WorkTable.MAX_PAGE;

  /**
   * Starts a Fish inside a Vert.x of the caller's, for the network namespace of this process. The
   * process needs CAP_NET_ADMIN, /dev/net/tun and nft.
   *
   * @param vertx made with {@code VertxOptions.setPreferNativeTransport(true)}
   * @param options its {@code fish} section is used, {@code quotas} for this process's uid, and
   *     {@code runtimeDir}, which must exist: what outlives a crash is noted there
   * @return fails with the cause when a right, nft or native epoll is missing
   */
  static Future<Fish> embedded(Vertx vertx, OxbowOptions options) {
    return EmbeddedFish.start(vertx, options, null, null);
  }

  /**
   * Uses the Fish of another process through its control socket. The connection is made again by
   * itself when it is lost, and what came meanwhile is delivered then.
   *
   * @param socket the control socket, such as {@code /run/oxbow/fish.sock}
   * @param app names the mailbox that events go to, {@code [A-Za-z0-9._-]{1,64}}
   * @return fails when the first connection cannot be made or is refused
   */
  static Future<Fish> remote(Vertx vertx, Path socket, String app) {
    return RemoteFish.connect(vertx, socket, app);
  }

  /**
   * As {@link #embedded(Vertx, OxbowOptions)}, with all that another process has handed over: its
   * sessions, and the events that waited. Frozen until its {@link #transferable()} is thawed; whose
   * sessions these are is told by their metadata, their reports go to the {@link
   * #unclaimedHandler}, which is to be set before that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   */
  static Future<Fish> embedded(Vertx vertx, OxbowOptions options, Cargo cargo) {
    return EmbeddedFish.start(vertx, options, cargo, null);
  }

  /**
   * As {@link #remote(Vertx, Path, String)}, with the very connection of another process: the
   * service notices nothing, and each event comes to exactly one of the two. Frozen until its
   * {@link #transferable()} is thawed; set the {@link #unclaimedHandler} before that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   * @throws IllegalArgumentException when that was for another socket or app, or is incomplete
   */
  static Fish remote(Vertx vertx, Path socket, String app, Cargo cargo) {
    return RemoteFish.inherit(vertx, socket, app, cargo);
  }

  /** What an {@link #embedded} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> embeddedLayout() {
    return Map.of(FishVerticle.NAME, FishVerticle.LAYOUT);
  }

  /** What a {@link #remote} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> remoteLayout() {
    return Map.of(RemoteFish.CLIENT, TransferableClient.LAYOUT);
  }

  /**
   * This Fish as what a process hands over to the next one: an embedded one with its sessions, a
   * remote one with its connection. Freeze first what calls {@link #egress}, and wait for the
   * answers.
   */
  Transferable transferable();

  /**
   * Carries a flow from here on. When the future succeeds, the Fish owns the flow and gives it back
   * with the report; when it fails, the caller owns it as before and nothing happened to it.
   *
   * <p>With one exception, for {@link #remote} only: {@link FishException#outcomeOpen()} says that
   * the request was sent and the connection was lost before the answer came. There may be a session
   * then: do not read or write the flow, and close the descriptor. A session with a {@link
   * EgressRequest#setResume name} is found again by it.
   */
  Future<EgressSession> egress(EgressRequest request);

  /**
   * Who has an address and port toward a destination now; fails with {@code not-found} when it is
   * nobody, or a session of somebody else's.
   */
  Future<PortOwner> lookup(PortQuery query);

  /**
   * The live sessions of this app, oldest first; for root those of everybody.
   *
   * @param after the last session of the page before, or null for the first page
   * @param limit 1 to 1000
   */
  Future<SessionPage> list(@Nullable String after, int limit);

  /**
   * Ends a session early: its connections are over, their ports rest, and its report follows with
   * reason {@link EndReason#ABORTED}.
   */
  Future<Void> abort(String session);

  /** Counters of the service. */
  Future<JsonObject> stats();

  /**
   * Who is told that a session had no port left toward a destination, once a second at most for
   * each session. Without a handler nobody is; the packets are counted in any case.
   */
  Fish exhaustedHandler(Handler<Exhaustion> handler);

  /**
   * Who gets the reports of sessions that this object did not open: those of an earlier life of the
   * same app. The callee owns the flows. Until there is a handler they wait, 4,096 at most.
   */
  Fish unclaimedHandler(Handler<SessionReport> handler);

  /**
   * Ends this object's use of the service; idempotent. An embedded Fish ends its sessions as
   * aborted, delivers their reports first and puts the network back; a remote one leaves them
   * running for the next of the same app.
   */
  Future<Void> close();
}

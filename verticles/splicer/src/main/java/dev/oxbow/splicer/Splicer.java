package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.cargo.Transferable.Layout;
import dev.oxbow.service.client.TransferableClient;
import dev.oxbow.service.work.WorkTable;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Relays between two connected stream sockets until both have ended, and gives them back with a
 * report. One interface, whether the relays run in this process or in another: {@link #embedded}
 * and {@link #remote} keep the same promises.
 *
 * <p>Any thread; futures and handlers are called on the context of whoever called, or on one of
 * this Splicer's own. Failed futures carry a {@link SplicerException}.
 */
public interface Splicer {

  /** Relays in one {@link #list} at most. */
  int MAX_PAGE = WorkTable.MAX_PAGE;

  /**
   * Starts a Splicer inside a Vert.x of the caller's.
   *
   * @param vertx made with {@code VertxOptions.setPreferNativeTransport(true)}
   * @param options its {@code splicer} section is used, and {@code quotas} for this process's uid
   * @return fails with the cause when Vert.x does not run on native epoll
   */
  static Future<Splicer> embedded(Vertx vertx, OxbowOptions options) {
    return EmbeddedSplicer.start(vertx, options, null);
  }

  /**
   * Uses the Splicer of another process through its control socket. The connection is made again by
   * itself when it is lost, and the reports that came meanwhile are delivered then.
   *
   * @param socket the control socket, such as {@code /run/oxbow/splicer.sock}
   * @param app names the mailbox that reports go to, {@code [A-Za-z0-9._-]{1,64}}
   * @return fails when the first connection cannot be made or is refused
   */
  static Future<Splicer> remote(Vertx vertx, Path socket, String app) {
    return RemoteSplicer.connect(vertx, socket, app);
  }

  /**
   * As {@link #embedded(Vertx, OxbowOptions)}, with all that another process has handed over: its
   * relays and the reports that waited. Frozen until its {@link #transferable()} is thawed; whose
   * relays these are is told by their metadata, their reports go to the {@link #unclaimedHandler},
   * which is to be set before that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   */
  static Future<Splicer> embedded(Vertx vertx, OxbowOptions options, Cargo cargo) {
    return EmbeddedSplicer.start(vertx, options, cargo);
  }

  /**
   * As {@link #remote(Vertx, Path, String)}, with the very connection of another process: the
   * service notices nothing, and each report comes to exactly one of the two. Frozen until its
   * {@link #transferable()} is thawed; set the {@link #unclaimedHandler} before that.
   *
   * @param cargo as the other process's {@link #transferable()} has given it out; used up
   * @throws IllegalArgumentException when that was for another socket or app, or is incomplete
   */
  static Splicer remote(Vertx vertx, Path socket, String app, Cargo cargo) {
    return RemoteSplicer.inherit(vertx, socket, app, cargo);
  }

  /** What an {@link #embedded} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> embeddedLayout() {
    return Map.of(SplicerVerticle.NAME, SplicerVerticle.LAYOUT);
  }

  /** What a {@link #remote} one reads, for the hello of a process that is to take over. */
  static Map<String, Layout> remoteLayout() {
    return Map.of(RemoteSplicer.CLIENT, TransferableClient.LAYOUT);
  }

  /**
   * This Splicer as what a process hands over to the next one: an embedded one with its relays, a
   * remote one with its connection. Freeze first what calls {@link #splice}, and wait for the
   * answers; all reports that were delivered have been handled when it is frozen, so a handler that
   * has done its work when it returns loses none.
   */
  Transferable transferable();

  /**
   * Starts a relay. When the future succeeds, the Splicer owns both sockets and gives them back
   * with the report; when it fails, the caller owns them as before and nothing happened to them.
   *
   * <p>With one exception, for {@link #remote} only: {@link SplicerException#outcomeOpen()} says
   * that the request was sent and the connection was lost before the answer came. The caller still
   * owns its two descriptors then, but there may be a relay between the sockets, whose bytes are
   * nobody else's to read or write. So do neither, and do not ask for a relay between them again:
   * what the first one has moved, and the preludes, would be missing or come twice. What is right
   * in either case:
   *
   * <ul>
   *   <li>to close both descriptors. A relay goes on without them; if there is none, the
   *       connections end. With SO_LINGER of zero seconds set before, they end with a RST, also if
   *       the other process dies; whoever gets the sockets back clears it to close in order.
   *   <li>to shut the sockets down first (SHUT_RDWR), which ends a relay too.
   * </ul>
   *
   * If there was a relay and its process has lived on, its report comes to the {@link
   * #unclaimedHandler}, with the metadata of the request and the same two sockets. If that process
   * died, no report comes.
   */
  Future<Relay> splice(SpliceRequest request);

  /**
   * The live relays of this app, oldest first; for root those of everybody.
   *
   * @param after the last relay of the page before, or null for the first page
   * @param limit 1 to 1000
   */
  Future<RelayPage> list(@Nullable String after, int limit);

  /** Ends a relay early; its report follows with reason {@link EndReason#ABORTED}. */
  Future<Void> abort(String relay);

  /** Counters of the service. */
  Future<JsonObject> stats();

  /**
   * Who gets the reports of relays that this object did not start: those of an earlier life of the
   * same app. The callee owns the sockets. Until there is a handler they wait, 4,096 at most.
   */
  Splicer unclaimedHandler(Handler<SpliceReport> handler);

  /**
   * Ends this object's use of the service; idempotent. An embedded Splicer ends its relays as
   * aborted and delivers their reports first; a remote one leaves them running for the next of the
   * same app.
   */
  Future<Void> close();
}

package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
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
  int MAX_PAGE = 1000;

  /**
   * Starts a Splicer inside a Vert.x of the caller's.
   *
   * @param vertx made with {@code VertxOptions.setPreferNativeTransport(true)}
   * @param options its {@code splicer} section is used, and {@code quotas} for this process's uid
   * @return fails with the cause when Vert.x does not run on native epoll
   */
  static Future<Splicer> embedded(Vertx vertx, OxbowOptions options) {
    return EmbeddedSplicer.start(vertx, options);
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
   * Starts a relay. When the future succeeds, the Splicer owns both sockets and gives them back
   * with the report; when it fails, the caller owns them as before and nothing happened to them.
   */
  Future<Relay> splice(SpliceRequest request);

  /**
   * The live relays of this app, oldest first; for root those of everybody.
   *
   * @param after the last relay of the page before, or null for the first page
   * @param limit 1 to {@value #MAX_PAGE}
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

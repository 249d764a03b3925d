package dev.oxbow.service.client;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import io.vertx.core.Future;
import java.util.Map;

/**
 * A client as what its process hands over: the connection itself goes to the next process, so the
 * service notices nothing, and each event is told in one of the two. It has no groups. Nothing that
 * is asked while it is frozen is sent until {@link #thaw()}, by either process.
 *
 * @param name of what is handed over, unique in the process
 */
public record TransferableClient(String name, ControlClient client) implements Transferable {

  /** Of the state that it hands over, and the oldest that it takes over. */
  public static final Layout LAYOUT = new Layout(1, 1);

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public Map<String, Long> counts() {
    return Map.of();
  }

  /** The connection, and a document. */
  @Override
  public Future<Long> descriptors() {
    return Future.succeededFuture(2L);
  }

  @Override
  public Future<Cargo> freeze() {
    return client.freeze();
  }

  @Override
  public Future<Void> thaw() {
    return client.thaw();
  }
}

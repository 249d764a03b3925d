package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A Bumblebee as what its process hands over: what carries the packets, or the connection to it,
 * and with that the connections that were delivered to this process and that nobody has taken.
 */
final class TransferableBumblebee implements Transferable {
  private static final String UNTAKEN = "untaken";

  private final Transferable source;
  private final ConnectionStream connections;
  private Future<Cargo> freezing = Future.succeededFuture();

  /**
   * @param source that connections come from
   */
  TransferableBumblebee(Transferable source, ConnectionStream connections) {
    this.source = source;
    this.connections = connections;
  }

  /**
   * Takes out what another process had not taken; frozen.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static ConnectionStream restore(Cargo cargo) {
    List<TunnelConnection> untaken = new ArrayList<>();
    try {
      for (Message record : cargo.records(UNTAKEN)) {
        untaken.add(EventReader.connected(record, List.of(cargo.take(socketName(untaken.size())))));
      }
    } catch (RequestException | IllegalArgumentException e) {
      untaken.forEach(TunnelConnection::close);
      throw new IllegalArgumentException(UNTAKEN + ": " + e.getMessage(), e);
    }
    return ConnectionStream.frozen(untaken);
  }

  private static String socketName(int place) {
    return UNTAKEN + "/" + place;
  }

  private static Cargo export(List<TunnelConnection> untaken, Cargo cargo) {
    List<MessageWriter> records = new ArrayList<>();
    for (TunnelConnection connection : untaken) {
      cargo.lend(socketName(records.size()), connection.socket());
      ConnectedEvent event = new ConnectedEvent(connection);
      MessageWriter record = new MessageWriter().strings("fds", event.names());
      event.write(record);
      records.add(record);
    }
    return cargo.records(UNTAKEN, records);
  }

  /** What carries the packets, or the connection to it. */
  Transferable source() {
    return source;
  }

  @Override
  public synchronized Future<Cargo> freeze() {
    freezing =
        source
            .freeze()
            .compose(
                cargo ->
                    connections
                        .freeze()
                        .map(untaken -> export(untaken, cargo))
                        .onFailure(e -> cargo.close()));
    return freezing;
  }

  @Override
  public synchronized Future<Void> thaw() {
    Future<Cargo> begun = freezing;
    // No step of a freeze that took too long may come after this.
    return source
        .thaw()
        .compose(v -> begun.transform(frozen -> Future.<Void>succeededFuture()))
        .onSuccess(v -> connections.thaw());
  }

  /** With those of the connections that wait. */
  @Override
  public Future<Long> descriptors() {
    return source.descriptors().map(held -> held + connections.waiting() + 1);
  }

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public Layout layout() {
    return source.layout();
  }

  @Override
  public int groups() {
    return source.groups();
  }

  @Override
  public Map<String, Long> counts() {
    return source.counts();
  }

  @Override
  public int flows(int group) {
    return source.flows(group);
  }

  @Override
  public Future<Void> freeze(int group) {
    return source.freeze(group);
  }

  @Override
  public Future<Void> thaw(int group) {
    return source.thaw(group);
  }
}

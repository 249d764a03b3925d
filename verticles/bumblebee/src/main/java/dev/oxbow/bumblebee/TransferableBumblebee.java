package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.mailbox.Event;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A Bumblebee as what its process hands over: what carries the packets, or the connection to it,
 * and with that the connections and reports that were delivered to this process and that nobody has
 * taken.
 */
final class TransferableBumblebee implements Transferable {
  private static final String UNTAKEN = "untaken";

  private final Transferable source;
  private final Told told;
  private Future<Cargo> freezing = Future.succeededFuture();

  /**
   * @param source that events come from
   */
  TransferableBumblebee(Transferable source, Told told) {
    this.source = source;
    this.told = told;
  }

  /**
   * Takes out what another process had not taken; frozen.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static Told restore(Cargo cargo) {
    List<TunnelConnection> untaken = new ArrayList<>();
    Reports<TunnelReport> reports = TunnelReport.reports();
    reports.freeze();
    int place = 0;
    List<Descriptor> descriptor = List.of();
    try {
      for (Message record : cargo.records(UNTAKEN)) {
        descriptor = List.of(cargo.take(placeName(place++)));
        if (record.strings("fds").contains(ClosedEvent.FLOW)) {
          reports.deliver(EventReader.closed(record, descriptor));
        } else {
          untaken.add(EventReader.connected(record, descriptor));
        }
        descriptor = List.of();
      }
    } catch (RequestException | IllegalArgumentException e) {
      Descriptor.closeAll(descriptor);
      untaken.forEach(TunnelConnection::close);
      reports.fail(e);
      throw new IllegalArgumentException(UNTAKEN + ": " + e.getMessage(), e);
    }
    return new Told(ConnectionStream.frozen(untaken), reports);
  }

  private static String placeName(int place) {
    return UNTAKEN + "/" + place;
  }

  private static Cargo export(List<Event> untaken, Cargo cargo) {
    List<MessageWriter> records = new ArrayList<>();
    for (Event event : untaken) {
      cargo.lend(placeName(records.size()), event.descriptors().get(0));
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
                    told.freeze()
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
        .onSuccess(v -> told.thaw());
  }

  /** With those of what waits. */
  @Override
  public Future<Long> descriptors() {
    return source.descriptors().map(held -> held + told.waiting() + 1);
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

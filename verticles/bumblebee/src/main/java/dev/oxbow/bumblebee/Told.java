package dev.oxbow.bumblebee;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.mailbox.Event;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * What a service tells, sorted: connections for the stream, reports for who waits for them.
 *
 * @param connections as they come
 * @param reports by tunnel
 */
record Told(ConnectionStream connections, Reports<TunnelReport> reports) {

  /** Nothing was told yet. */
  Told() {
    this(new ConnectionStream(), TunnelReport.reports());
  }

  /**
   * As in another process; nothing is given out before it is thawed.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static Told inherit(Cargo cargo) {
    return TransferableBumblebee.restore(cargo);
  }

  /** All that nobody has taken, once nothing is being handled any more; none is given out then. */
  Future<List<Event>> freeze() {
    return connections
        .freeze()
        .compose(untaken -> reports.freeze().map(unclaimed -> events(untaken, unclaimed)));
  }

  private static List<Event> events(List<TunnelConnection> untaken, List<TunnelReport> unclaimed) {
    List<Event> events = new ArrayList<>();
    untaken.forEach(connection -> events.add(new ConnectedEvent(connection)));
    unclaimed.forEach(report -> events.add(report.event()));
    return events;
  }

  /** Goes on. */
  void thaw() {
    connections.thaw();
    reports.thaw();
  }

  /** How many events nobody has taken. */
  int waiting() {
    return connections.waiting() + reports.waiting();
  }

  /** A connection or a report has come; it owns its descriptor. */
  void event(Object event) {
    if (event instanceof TunnelConnection connection) {
      connections.deliver(connection);
    } else {
      reports.deliver((TunnelReport) event);
    }
  }
}

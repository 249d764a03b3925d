package dev.oxbow.bumblebee;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.client.Reports;

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

  /** As in another process; no connection is given out before the stream is thawed. */
  static Told inherit(Cargo cargo) {
    return new Told(TransferableBumblebee.restore(cargo), TunnelReport.reports());
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

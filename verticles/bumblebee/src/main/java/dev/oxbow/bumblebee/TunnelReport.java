package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.PacketCounts;
import org.jspecify.annotations.Nullable;

/**
 * How a tunnel ended, with the original flow, which whoever gets the report owns.
 *
 * @param tunnel its id
 * @param reason why it ended
 * @param errno the error's name with {@link EndReason#ERROR}, else null
 * @param packets what became of its packets
 * @param durationMs from its start to its end
 * @param metadata as given
 * @param flow as it was when given
 */
public record TunnelReport(
    String tunnel,
    EndReason reason,
    @Nullable String errno,
    PacketCounts packets,
    long durationMs,
    RawJson metadata,
    Descriptor flow)
    implements AutoCloseable {

  static TunnelReport of(ClosedEvent event) {
    return new TunnelReport(
        event.id(),
        event.reason(),
        event.errno(),
        event.packets(),
        event.durationMs(),
        event.metadata(),
        event.flow());
  }

  ClosedEvent event() {
    return new ClosedEvent(
        TunnelService.TUNNEL, tunnel, reason, errno, packets, durationMs, metadata, flow);
  }

  /** Nobody waits for any yet. */
  static Reports<TunnelReport> reports() {
    return new Reports<>(TunnelReport::tunnel, TunnelReport::close);
  }

  /** Closes the flow unless it was released. */
  @Override
  public void close() {
    flow.close();
  }
}

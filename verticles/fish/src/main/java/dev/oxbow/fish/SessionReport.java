package dev.oxbow.fish;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.PacketCounts;
import org.jspecify.annotations.Nullable;

/**
 * How a session ended.
 *
 * @param session its id
 * @param errno the error's name with {@link EndReason#ERROR}, else null
 * @param packets that came and went
 * @param metadata as given
 * @param flow the caller's again, who owns it
 */
public record SessionReport(
    String session,
    EndReason reason,
    @Nullable String errno,
    PacketCounts packets,
    long durationMs,
    RawJson metadata,
    Descriptor flow)
    implements AutoCloseable {

  static SessionReport of(ClosedEvent event) {
    return new SessionReport(
        event.id(),
        event.reason(),
        event.errno(),
        event.packets(),
        event.durationMs(),
        event.metadata(),
        event.flow());
  }

  /** Closes the flow unless it was released. */
  @Override
  public void close() {
    flow.close();
  }
}

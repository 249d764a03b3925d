package dev.oxbow.fish;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.session.EndReason;
import dev.oxbow.fish.session.SessionOutcome.Packets;
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
    Packets packets,
    long durationMs,
    RawJson metadata,
    Descriptor flow)
    implements AutoCloseable {

  /** Closes the flow unless it was released. */
  @Override
  public void close() {
    flow.close();
  }
}

package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.tunnel.EndReason;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Reports;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a tunnel ended, with the original flow, which whoever gets the report owns.
 *
 * @param tunnel its id
 * @param reason why it ended
 * @param errno the error's name with {@link EndReason#ERROR}, else null
 * @param packetsIn that came from the flow; a super-packet counts as one
 * @param packetsOut that the flow took
 * @param dropped packets that went no further, by why
 * @param durationMs from its start to its end
 * @param metadata as given
 * @param flow as it was when given
 */
public record TunnelReport(
    String tunnel,
    EndReason reason,
    @Nullable String errno,
    long packetsIn,
    long packetsOut,
    Map<String, Long> dropped,
    long durationMs,
    RawJson metadata,
    Descriptor flow)
    implements AutoCloseable {

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

package dev.oxbow.service.flow;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.service.client.Attached;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The event {@code closed}: the report of the work on a flow on its way to the app, with the flow.
 *
 * @param kind what the work is called, such as {@code tunnel}
 * @param id its id
 * @param errno the error's name with {@link EndReason#ERROR}, else null
 * @param durationMs from its start to its end
 * @param metadata as given
 * @param flow as it was when given; owned by whoever has the event
 */
public record ClosedEvent(
    String kind,
    String id,
    EndReason reason,
    @Nullable String errno,
    PacketCounts packets,
    long durationMs,
    RawJson metadata,
    Descriptor flow)
    implements Event {

  /** What the message says behind {@code event}. */
  public static final String NAME = "closed";

  /** The name of the flow, in this event and in the request that began the work. */
  public static final String FLOW = "flow";

  /** As the data plane tells it. */
  public static ClosedEvent of(
      String kind, String id, FlowOutcome outcome, RawJson metadata, Descriptor flow) {
    return new ClosedEvent(
        kind,
        id,
        outcome.reason(),
        outcome.reason() == EndReason.ERROR ? Errno.name(outcome.errno()) : null,
        outcome.packets(),
        outcome.durationNanos() / 1_000_000,
        metadata,
        flow);
  }

  /**
   * As a message tells it; the result owns its descriptor.
   *
   * @throws RequestException naming what is missing
   */
  public static ClosedEvent read(String kind, Message event, List<Descriptor> descriptors) {
    return new ClosedEvent(
        kind,
        event.string(kind),
        EndReason.of(event.string("reason")),
        event.string("errno", null),
        PacketCounts.read(event),
        event.integer("durationMs", 0, Long.MAX_VALUE),
        event.metadata(),
        new Attached(event, descriptors).require(FLOW));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> names() {
    return List.of(FLOW);
  }

  @Override
  public List<Descriptor> descriptors() {
    return List.of(flow);
  }

  @Override
  public long heldBytes() {
    return metadata.length();
  }

  @Override
  public Account.Manner whenDropped() {
    return Account.Manner.PLAIN;
  }

  @Override
  public void write(MessageWriter out) {
    out.string(kind, id).string("reason", reason.wireName());
    if (errno != null) {
      out.string("errno", errno);
    }
    packets.write(out);
    out.number("durationMs", durationMs).raw("metadata", metadata);
  }
}

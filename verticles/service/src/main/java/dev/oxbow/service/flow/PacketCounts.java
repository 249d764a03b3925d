package dev.oxbow.service.flow;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What became of the packets of a flow. A super-packet counts as one.
 *
 * @param in that came from the flow
 * @param out that the flow took
 * @param dropped that went no further, by why; reasons without any are left out
 */
public record PacketCounts(long in, long out, Map<String, Long> dropped) {

  /** All that were dropped, for whatever reason. */
  public long droppedInAll() {
    return dropped.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Writes {@code packets}, as it is in all messages. */
  public void write(MessageWriter out) {
    out.object("packets").number("in", in).number("out", this.out).object("dropped");
    dropped.forEach(out::number);
    out.end().end();
  }

  /**
   * The {@code packets} of a message.
   *
   * @throws RequestException {@code bad-request} naming what is missing
   */
  public static PacketCounts read(Message message) {
    Message packets = message.member("packets");
    Message dropped = packets.member("dropped");
    Map<String, Long> byReason = new LinkedHashMap<>();
    dropped.names().forEach(why -> byReason.put(why, count(dropped, why)));
    return new PacketCounts(count(packets, "in"), count(packets, "out"), byReason);
  }

  private static long count(Message message, String field) {
    return message.integer(field, 0, Long.MAX_VALUE);
  }
}

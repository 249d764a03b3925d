package dev.oxbow.splicer;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Reports;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a relay ended, with the two original sockets. Whoever gets a report owns its descriptors:
 * release the ones to be used further, then {@link #close()} it.
 *
 * @param relay its id
 * @param reason why it ended
 * @param endedBy the side whose end was seen first, or null
 * @param errno the error's name with {@link EndReason#ERROR}, else null
 * @param bytesAToB bytes read from a and written to b, without the prelude
 * @param bytesBToA bytes read from b and written to a, without the prelude
 * @param durationMs from its start to its end
 * @param metadata as given
 * @param a what belongs to side a
 * @param b what belongs to side b
 */
public record SpliceReport(
    String relay,
    EndReason reason,
    @Nullable Side endedBy,
    @Nullable String errno,
    long bytesAToB,
    long bytesBToA,
    long durationMs,
    RawJson metadata,
    End a,
    End b)
    implements AutoCloseable {

  /**
   * One side of a finished relay.
   *
   * @param socket the original socket, its file status flags as they were when given
   * @param local its own address when the relay began; null for AF_UNIX
   * @param peer its peer's address when the relay began; null for AF_UNIX
   * @param tcpInfo the connection's TCP_INFO at the end; null for a socket that is not TCP
   * @param undeliveredBytes bytes that were read from this side and could not be written to the
   *     other any more
   * @param undelivered the read end of a pipe that holds them; null when there are none
   */
  public record End(
      Descriptor socket,
      @Nullable String local,
      @Nullable String peer,
      @Nullable TcpInfo tcpInfo,
      long undeliveredBytes,
      @Nullable Descriptor undelivered) {}

  /** Nobody waits for any yet. */
  static Reports<SpliceReport> reports() {
    return new Reports<>(SpliceReport::relay, SpliceReport::close);
  }

  /** What belongs to a side. */
  public End end(Side side) {
    return side == Side.A ? a : b;
  }

  /** All descriptors of the report, in the order of the protocol: a, b, aToB, bToA. */
  public List<Descriptor> descriptors() {
    List<Descriptor> all = new ArrayList<>(List.of(a.socket, b.socket));
    if (a.undelivered != null) {
      all.add(a.undelivered);
    }
    if (b.undelivered != null) {
      all.add(b.undelivered);
    }
    return all;
  }

  /** Closes what was not released. */
  @Override
  public void close() {
    Descriptor.closeAll(descriptors());
  }
}

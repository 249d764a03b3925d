package dev.oxbow.splicer.relay;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * How a relay ended; whoever gets it owns the pipe ends in it.
 *
 * @param errno the error's number with {@link EndReason#ERROR}, else 0
 * @param durationNanos from start to end
 * @param aToB what became of the bytes that came from a
 * @param bToA what became of the bytes that came from b
 */
public record RelayOutcome(
    EndReason reason, @Nullable Side endedBy, int errno, long durationNanos, Flow aToB, Flow bToA) {

  /**
   * One direction, with what is known of its source.
   *
   * @param delivered bytes written, without the prelude
   * @param undeliveredBytes bytes read, or given as prelude, and not written
   * @param undelivered the read end of a pipe that holds them, or null
   * @param tcpInfo of the source, or null when that is not TCP
   */
  public record Flow(
      long delivered,
      long undeliveredBytes,
      @Nullable Descriptor undelivered,
      @Nullable TcpInfo tcpInfo) {}
}

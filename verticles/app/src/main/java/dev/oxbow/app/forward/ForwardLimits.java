package dev.oxbow.app.forward;

import dev.oxbow.app.console.Units;
import dev.oxbow.splicer.SpliceRequest;
import picocli.CommandLine.Option;

/** Limits of each connection; 0 is none. */
public final class ForwardLimits {
  private static final String DURATION = "DURATION";

  @Option(
      names = "--idle-timeout",
      paramLabel = DURATION,
      converter = Units.Milliseconds.class,
      description = "End a connection when no byte has moved for so long.")
  private long idleTimeoutMs;

  @Option(
      names = "--half-close-timeout",
      paramLabel = DURATION,
      converter = Units.Milliseconds.class,
      description = "End it when one direction has ended and no byte has moved for so long.")
  private long halfCloseTimeoutMs;

  @Option(
      names = "--max-duration",
      paramLabel = DURATION,
      converter = Units.Milliseconds.class,
      description = "End it after so long, whatever it does.")
  private long maxDurationMs;

  @Option(
      names = "--max-bytes",
      paramLabel = "BYTES",
      converter = Units.ByteCount.class,
      description = "End it when both directions together have moved so much.")
  private long maxBytes;

  SpliceRequest applyTo(SpliceRequest request) {
    return request
        .setIdleTimeoutMs(idleTimeoutMs)
        .setHalfCloseTimeoutMs(halfCloseTimeoutMs)
        .setMaxDurationMs(maxDurationMs)
        .setMaxBytes(maxBytes);
  }
}

package dev.oxbow.splicer.relay;

import dev.oxbow.service.work.Reason;
import org.jspecify.annotations.Nullable;

/** Why a relay ended. The codes are those of the ledger: add, never change. */
public enum EndReason implements Reason {
  /** Both directions ended in order. */
  EOF(1, "eof"),
  /** A side reset the connection, or was gone when bytes had to be written to it. */
  RESET(2, "reset"),
  /** No byte moved in either direction for {@code idleTimeoutMs}. */
  IDLE(3, "idle"),
  /** One direction had ended and no byte moved for {@code halfCloseTimeoutMs}. */
  HALF_CLOSE_TIMEOUT(4, "half-close-timeout"),
  /** It lasted {@code maxDurationMs}. */
  MAX_DURATION(5, "max-duration"),
  /** It moved {@code maxBytes}. */
  MAX_BYTES(6, "max-bytes"),
  /** Ended by its owner, or by the service's orderly stop. */
  ABORTED(7, "aborted"),
  /** A system call failed: see the report's errno. */
  ERROR(8, "error");

  private final int code;
  private final String wireName;

  EndReason(int code, String wireName) {
    this.code = code;
    this.wireName = wireName;
  }

  @Override
  public int code() {
    return code;
  }

  @Override
  public String wireName() {
    return wireName;
  }

  /** The reason of a code; null for 0, {@link #ERROR} for one that this version does not know. */
  static @Nullable EndReason of(int code) {
    return Reason.of(values(), code);
  }

  /** The reason of that name; {@link #ERROR} for one that this version does not know. */
  public static EndReason of(String wireName) {
    return Reason.of(values(), wireName);
  }
}

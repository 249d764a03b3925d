package dev.oxbow.splicer.relay;

import org.jspecify.annotations.Nullable;

/** Why a relay ended. The codes are those of the ledger: add, never change. */
public enum EndReason {
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

  /** The reason as it stands in the ledger; 0 there is a relay that runs. */
  int code() {
    return code;
  }

  /** The reason of a code; null for 0, {@link #ERROR} for one that this version does not know. */
  static @Nullable EndReason of(int code) {
    if (code == 0) {
      return null;
    }
    return code > 0 && code <= values().length ? values()[code - 1] : ERROR;
  }

  /** The reason as it stands in messages. */
  public String wireName() {
    return wireName;
  }

  /** The reason of that name; {@link #ERROR} for one that this version does not know. */
  public static EndReason of(String wireName) {
    for (EndReason reason : values()) {
      if (reason.wireName.equals(wireName)) {
        return reason;
      }
    }
    return ERROR;
  }
}

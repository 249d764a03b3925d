package dev.oxbow.bumblebee.tunnel;

import org.jspecify.annotations.Nullable;

/** Why a tunnel ended. The codes are those of the ledger: add, never change. */
public enum EndReason {
  /** The other end of the flow was closed. */
  EOF(1, "eof"),
  /** Ended by its owner, or by the service's orderly stop. */
  ABORTED(2, "aborted"),
  /** A system call on the flow failed: see the outcome's errno. */
  ERROR(3, "error");

  private final int code;
  private final String wireName;

  EndReason(int code, String wireName) {
    this.code = code;
    this.wireName = wireName;
  }

  /** The reason as it stands in the ledger; 0 there is a tunnel that runs. */
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

package dev.oxbow.service.flow;

import dev.oxbow.service.work.Reason;
import org.jspecify.annotations.Nullable;

/** Why a flow is no longer served. The codes are those of the ledger: add, never change. */
public enum EndReason implements Reason {
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

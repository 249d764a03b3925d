package dev.oxbow.fish.session;

/** Why a session ended. */
public enum EndReason {
  /** The other end of the flow was closed. */
  EOF("eof"),
  /** Ended by its owner, or by the service's orderly stop. */
  ABORTED("aborted"),
  /** A system call on the flow failed: see the outcome's errno. */
  ERROR("error");

  private final String wireName;

  EndReason(String wireName) {
    this.wireName = wireName;
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

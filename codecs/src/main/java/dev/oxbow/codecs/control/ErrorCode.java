package dev.oxbow.codecs.control;

/** Why a request was refused. */
public enum ErrorCode {
  /** No JSON, too long, or a field is missing, of a wrong type or out of range. */
  BAD_REQUEST("bad-request"),
  /** The service does not know this op. */
  UNKNOWN_OP("unknown-op"),
  /** Descriptors are missing, surplus or of a wrong kind. */
  BAD_DESCRIPTORS("bad-descriptors"),
  /** The peer's uid and gid may not use this service, or not for this. */
  NOT_AUTHORIZED("not-authorized"),
  /** The peer's uid holds as much as it may, or the process has no descriptor left. */
  QUOTA_EXCEEDED("quota-exceeded"),
  /** No such object, or not one of the peer's. */
  NOT_FOUND("not-found"),
  /** No port is left. */
  EXHAUSTED("exhausted"),
  /** The service is stopping. */
  UNAVAILABLE("unavailable"),
  /** A defect of the service. */
  INTERNAL("internal");

  private final String wireName;

  ErrorCode(String wireName) {
    this.wireName = wireName;
  }

  /** The code as it stands in messages. */
  public String wireName() {
    return wireName;
  }

  /** The code of that name; {@link #INTERNAL} for one that this version does not know. */
  public static ErrorCode of(String wireName) {
    for (ErrorCode code : values()) {
      if (code.wireName.equals(wireName)) {
        return code;
      }
    }
    return INTERNAL;
  }
}

package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;

/** A request that a Splicer refused or could not answer. */
public final class SplicerException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  SplicerException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  static SplicerException of(RequestException e) {
    return new SplicerException(e.code(), String.valueOf(e.getMessage()));
  }

  /** Why; {@link ErrorCode#UNAVAILABLE} also when the connection was lost before the answer. */
  public ErrorCode code() {
    return code;
  }
}

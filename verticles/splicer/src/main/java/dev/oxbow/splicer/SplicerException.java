package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.service.client.LostAnswerException;

/** A request that a Splicer refused or could not answer. */
public final class SplicerException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;
  private final boolean outcomeOpen;

  SplicerException(ErrorCode code, String message) {
    this(code, message, false);
  }

  private SplicerException(ErrorCode code, String message, boolean outcomeOpen) {
    super(message);
    this.code = code;
    this.outcomeOpen = outcomeOpen;
  }

  static SplicerException of(RequestException e) {
    return new SplicerException(
        e.code(), String.valueOf(e.getMessage()), e instanceof LostAnswerException);
  }

  /**
   * Whether nobody can say if it was done: the request had gone to another process, and the
   * connection was lost before the answer came. {@link Splicer#splice} says what that means for the
   * sockets. When false, nothing was done.
   */
  public boolean outcomeOpen() {
    return outcomeOpen;
  }

  /** Why; {@link ErrorCode#UNAVAILABLE} also when the connection was lost before the answer. */
  public ErrorCode code() {
    return code;
  }
}

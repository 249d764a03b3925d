package dev.oxbow.service.client;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;

/** A request that a service refused or could not answer. */
public abstract class ServiceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;
  private final boolean outcomeOpen;

  /** A refusal of the client's own. */
  protected ServiceException(ErrorCode code, String message) {
    super(message);
    this.code = code;
    this.outcomeOpen = false;
  }

  /** What a service or the way to it said; all but a {@link RequestException} is unavailability. */
  protected ServiceException(Throwable failure) {
    super(String.valueOf(failure.getMessage()));
    this.code = failure instanceof RequestException e ? e.code() : ErrorCode.UNAVAILABLE;
    this.outcomeOpen = failure instanceof LostAnswerException;
  }

  /**
   * Whether nobody can say if it was done: the request had gone to another process, and the
   * connection was lost before the answer came. When false, nothing was done.
   */
  public final boolean outcomeOpen() {
    return outcomeOpen;
  }

  /** Why; {@link ErrorCode#UNAVAILABLE} also when the connection was lost before the answer. */
  public final ErrorCode code() {
    return code;
  }
}

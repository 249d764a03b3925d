package dev.oxbow.service.client;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;

/**
 * A request was sent and its answer never came, because the connection was lost: the service may
 * have done it, or may yet, or never. Its code is {@code unavailable}. A request that fails
 * otherwise has had no effect.
 */
public final class LostAnswerException extends RequestException {
  private static final long serialVersionUID = 1;

  LostAnswerException(String why) {
    super(ErrorCode.UNAVAILABLE, why);
  }
}

package dev.oxbow.bumblebee;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.service.client.ServiceException;
import io.vertx.core.Future;

/**
 * A request that a Bumblebee refused or could not answer. {@link Bumblebee#upgrade} says what
 * {@link #outcomeOpen()} means for the flow.
 */
public final class BumblebeeException extends ServiceException {
  private static final long serialVersionUID = 1;

  BumblebeeException(ErrorCode code, String message) {
    super(code, message);
  }

  private BumblebeeException(Throwable failure) {
    super(failure);
  }

  /** A failed future with what a service or the way to it said. */
  static <T> Future<T> failed(Throwable failure) {
    return Future.failedFuture(new BumblebeeException(failure));
  }
}

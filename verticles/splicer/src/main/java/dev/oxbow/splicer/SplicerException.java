package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.service.client.ServiceException;
import io.vertx.core.Future;

/**
 * A request that a Splicer refused or could not answer. {@link Splicer#splice} says what {@link
 * #outcomeOpen()} means for the sockets.
 */
public final class SplicerException extends ServiceException {
  private static final long serialVersionUID = 1;

  SplicerException(ErrorCode code, String message) {
    super(code, message);
  }

  private SplicerException(Throwable failure) {
    super(failure);
  }

  /** A failed future with what a service or the way to it said. */
  static <T> Future<T> failed(Throwable failure) {
    return Future.failedFuture(new SplicerException(failure));
  }
}

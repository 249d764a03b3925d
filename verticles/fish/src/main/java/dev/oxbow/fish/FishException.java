package dev.oxbow.fish;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.service.client.ServiceException;
import io.vertx.core.Future;

/**
 * A request that a Fish refused or could not answer. {@link Fish#egress} says what {@link
 * #outcomeOpen()} means for the flow.
 */
public final class FishException extends ServiceException {
  private static final long serialVersionUID = 1;

  FishException(ErrorCode code, String message) {
    super(code, message);
  }

  private FishException(Throwable failure) {
    super(failure);
  }

  /** A failed future with what a service or the way to it said. */
  static <T> Future<T> failed(Throwable failure) {
    return Future.failedFuture(new FishException(failure));
  }
}

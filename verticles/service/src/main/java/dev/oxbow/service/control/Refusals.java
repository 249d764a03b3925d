package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a peer is told when its request failed. Any thread. */
final class Refusals {
  private static final Logger log = LoggerFactory.getLogger(Refusals.class);

  /** Of an error's message, which may quote what the peer has sent. */
  private static final int MAX_CHARS = 500;

  private Refusals() {}

  /** A failure as a refusal; what is nobody's fault but ours is logged. */
  static RequestException of(Throwable failure) {
    if (failure instanceof RequestException refusal) {
      return refusal;
    }
    if (failure instanceof LinuxException linux
        && (linux.errno() == Errno.EMFILE || linux.errno() == Errno.ENFILE)) {
      return new RequestException(ErrorCode.QUOTA_EXCEEDED, "the service has no descriptor left");
    }
    log.error("a request failed", failure);
    return new RequestException(ErrorCode.INTERNAL, failure.toString());
  }

  /** The answer to a request of that id, or of none. */
  static byte[] answer(@Nullable RawJson id, RequestException refusal) {
    String why = String.valueOf(refusal.getMessage());
    if (why.length() > MAX_CHARS) {
      why = why.substring(0, MAX_CHARS) + "...";
    }
    return MessageWriter.error(id, refusal.code(), why).bytes();
  }
}

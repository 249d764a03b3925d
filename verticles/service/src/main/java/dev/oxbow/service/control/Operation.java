package dev.oxbow.service.control;

import dev.oxbow.codecs.control.MessageWriter;

/** What a service does for one op. Called on the control loop; must not block. */
@FunctionalInterface
public interface Operation {

  /**
   * Does it.
   *
   * @return the answer, begun with {@link Request#ok()}
   * @throws dev.oxbow.codecs.control.RequestException when it is refused; nothing has happened then
   */
  MessageWriter apply(Request request);
}

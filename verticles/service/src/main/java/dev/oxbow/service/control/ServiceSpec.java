package dev.oxbow.service.control;

import dev.oxbow.codecs.control.MessageWriter;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What makes one service different from another.
 *
 * @param name such as {@code splicer}; also the name of the control socket
 * @param version of the program, for hello
 * @param operations by op; hello, ack and stats are every service's
 * @param stats writes the service's own counters into the open object
 */
public record ServiceSpec(
    String name, String version, Map<String, Operation> operations, Consumer<MessageWriter> stats) {

  /** The protocol's version. */
  public static final int PROTOCOL = 1;
}

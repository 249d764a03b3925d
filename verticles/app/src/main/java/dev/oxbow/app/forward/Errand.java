package dev.oxbow.app.forward;

import dev.oxbow.app.forward.SplicedConnections.Client;
import dev.oxbow.codecs.control.MessageWriter;
import java.util.function.Consumer;

/**
 * A client, and where it is to be connected to.
 *
 * @param client its connection
 * @param target where to
 * @param origin writes where it came from, so that another process can make the same errand of it
 */
public record Errand(Client client, Target target, Consumer<MessageWriter> origin) {}

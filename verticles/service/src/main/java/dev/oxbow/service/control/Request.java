package dev.oxbow.service.control;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A request with its named descriptors. An operation takes the descriptors it wants to keep; what
 * it leaves, or all if it throws, is closed after it.
 */
public final class Request {
  private final RawJson id;
  private final Message message;
  private final Client client;
  private final Map<String, Descriptor> descriptors;

  Request(
      RawJson id, Message message, Client client, List<String> names, List<Descriptor> attached) {
    this.id = id;
    this.message = message;
    this.client = client;
    this.descriptors = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      descriptors.put(names.get(i), attached.get(i));
    }
  }

  public Message message() {
    return message;
  }

  public Client client() {
    return client;
  }

  /** The beginning of the answer. */
  public MessageWriter ok() {
    return MessageWriter.ok(id);
  }

  /**
   * Checks that exactly the named descriptors are attached, in any order.
   *
   * @throws RequestException {@code bad-descriptors} saying which are missing or surplus
   */
  public void requireDescriptors(String... names) {
    for (String name : names) {
      descriptor(name);
    }
    List<String> wanted = List.of(names);
    for (String name : descriptors.keySet()) {
      if (!wanted.contains(name)) {
        throw RequestException.badDescriptor(name, "not expected with this op");
      }
    }
  }

  /** An attached descriptor; it still belongs to the request. */
  public Descriptor descriptor(String name) {
    Descriptor descriptor = descriptors.get(name);
    if (descriptor == null) {
      throw RequestException.badDescriptor(name, "missing");
    }
    return descriptor;
  }

  /** The operation keeps this descriptor: the request will not close it. */
  public Descriptor take(String name) {
    Descriptor descriptor = descriptor(name);
    descriptors.remove(name);
    return descriptor;
  }

  /** What was not taken. */
  List<Descriptor> left() {
    return List.copyOf(descriptors.values());
  }
}

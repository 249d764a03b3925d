package dev.oxbow.service.client;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The descriptors of an event, by the names that it gives them in {@code fds}. */
public final class Attached {
  private final Map<String, Descriptor> byName = new HashMap<>();

  /**
   * @param descriptors as many as there are names
   */
  public Attached(Message event, List<Descriptor> descriptors) {
    List<String> names = event.strings("fds");
    for (int i = 0; i < names.size(); i++) {
      byName.put(names.get(i), descriptors.get(i));
    }
  }

  /** A descriptor, or null. */
  public @Nullable Descriptor get(String name) {
    return byName.get(name);
  }

  /**
   * A descriptor that must be there.
   *
   * @throws RequestException {@code bad-descriptors}
   */
  public Descriptor require(String name) {
    Descriptor descriptor = byName.get(name);
    if (descriptor == null) {
      throw RequestException.badDescriptor(name, "missing");
    }
    return descriptor;
  }
}

package dev.oxbow.service.flow;

import dev.oxbow.codecs.control.RequestException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The flows that a service has in hand, none of them twice. Control loop only. */
public final class Flows {
  private final Set<Long> sockets = new HashSet<>();
  private final List<Flow> devices = new ArrayList<>();

  /**
   * Refuses a flow that is in hand already.
   *
   * @throws RequestException {@code bad-descriptors}
   */
  public void requireNew(String name, Flow flow) {
    boolean known =
        flow.kind().isSocket()
            ? sockets.contains(flow.cookie())
            : devices.stream().anyMatch(flow::same);
    if (known) {
      throw RequestException.badDescriptor(name, "given before; a flow serves once at a time");
    }
  }

  /** Takes one in hand. Its descriptor stays open until {@link #remove}. */
  public void add(Flow flow) {
    if (flow.kind().isSocket()) {
      sockets.add(flow.cookie());
    } else {
      devices.add(flow);
    }
  }

  /** Gives one out of hand. */
  public void remove(Flow flow) {
    if (flow.kind().isSocket()) {
      sockets.remove(flow.cookie());
    } else {
      devices.remove(flow);
    }
  }
}

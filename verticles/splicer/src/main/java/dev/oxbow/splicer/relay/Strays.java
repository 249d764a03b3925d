package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import java.util.List;

/**
 * Takes descriptors that the peer of a relayed AF_UNIX socket had attached to its bytes. They are
 * not relayed, and closing them may block: whoever takes them closes them elsewhere.
 */
@FunctionalInterface
public interface Strays {

  /**
   * Called on the control loop.
   *
   * @param uid whose relay it is
   * @param descriptors owned by the callee
   */
  void came(long uid, List<Descriptor> descriptors);
}

package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.service.flow.FlowKind;
import java.util.List;

/**
 * What a session is made of.
 *
 * @param id positive, unlike that of any other
 * @param flow the descriptor, which stays its owner's and open until the outcome; its file status
 *     flags are neither relied on nor changed
 * @param kind of the flow, without virtio_net_hdr
 * @param mtu largest packet toward the flow, in bytes, 576 to 65535
 * @param egress where its packets may leave from, at least one
 */
public record SessionSpec(
    long id, int flow, FlowKind kind, int mtu, Mapping mapping, List<Range> egress) {

  /** Bounds of the mtu. */
  public static final int MIN_MTU = 576;

  public static final int MAX_MTU = 65_535;

  /**
   * Ports of an address.
   *
   * @param slice that they lie in
   * @param first inclusive
   * @param last inclusive
   */
  public record Range(PortSlice slice, int first, int last) {

    /** Whether it is of that version of IP. */
    boolean isVersion(int version) {
      return (slice.high() == 0) == (version == 4);
    }
  }
}

package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.replica.SessionName;
import dev.oxbow.service.flow.FlowKind;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a session is made of.
 *
 * @param id positive, unlike that of any other
 * @param owner who may open it again when it is lost
 * @param flow the descriptor, which stays its owner's and open until the outcome; its file status
 *     flags are neither relied on nor changed
 * @param kind of the flow
 * @param vnetHdr whether messages of a packet socket begin with a struct virtio_net_hdr; a tun
 *     tells by itself
 * @param mtu largest packet toward the flow, in bytes, 576 to 65535
 * @param egress where its packets may leave from, at least one
 */
public record SessionSpec(
    long id,
    Owner owner,
    int flow,
    FlowKind kind,
    boolean vnetHdr,
    int mtu,
    Mapping mapping,
    List<Range> egress) {

  /** Whether its packets may leave from there. */
  boolean allows(long high, long low, int port) {
    for (Range range : egress) {
      if (range.contains(high, low, port)) {
        return true;
      }
    }
    return false;
  }

  /** Bounds of the mtu. */
  public static final int MIN_MTU = 576;

  public static final int MAX_MTU = 65_535;

  /**
   * Who opened it.
   *
   * @param app of the mailbox, at most 64 ASCII characters, or null
   * @param name stable, at most 128 ASCII characters; null: nobody takes it up again
   */
  public record Owner(long uid, @Nullable String app, @Nullable String name) {

    /** What it is opened again by on the other node of a pair; null when nobody takes it up. */
    @Nullable SessionName shared() {
      return name == null ? null : new SessionName(uid, app, name);
    }
  }

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

    /** Whether the port is one of them. */
    boolean contains(long high, long low, int port) {
      return slice.contains(high, low, port) && port >= first && port <= last;
    }
  }
}

package dev.oxbow.fish.ports;

/**
 * Looks for a free outer port: exhaustive, from an offset on that a stranger cannot guess and that
 * goes on from port to port, so that a port rests as long as it can (RFC 6056 3.3.3 and 3.3.4). One
 * thread at a time.
 */
public final class PortSearch {

  /** Offsets that go on apart from one another: RFC 6056 calls their number TABLE_LENGTH. */
  private static final int OFFSETS = 1024;

  private final FlowTable flows;
  private final long secret;
  private final int[] offsets = new int[OFFSETS];

  /**
   * @param secret unknown to others, so that offsets are
   */
  public PortSearch(FlowTable flows, long secret) {
    this.flows = flows;
    this.secret = secret;
  }

  /**
   * A port that no flow has toward a destination, resting ones included, and that is not another
   * client's alone. Ports that a partner has lent come last: they may have to go back.
   *
   * @param first of the ports that the session may use, within the slice
   * @param last of them
   * @param alone whether it is to be nobody else's toward any destination
   * @return -1 when there is none: then none is free
   */
  public int find(
      PortSlice slice,
      int first,
      int last,
      boolean alone,
      int client,
      int protocol,
      int clientPort,
      long remoteHigh,
      long remoteLow,
      int remotePort) {
    long endpoint = PortSlice.endpoint(client, clientPort);
    int port =
        find(
            slice,
            first,
            last,
            alone,
            endpoint,
            protocol,
            remoteHigh,
            remoteLow,
            remotePort,
            false);
    return port < 0 && slice.isShared()
        ? find(
            slice, first, last, alone, endpoint, protocol, remoteHigh, remoteLow, remotePort, true)
        : port;
  }

  private int find(
      PortSlice slice,
      int first,
      int last,
      boolean alone,
      long endpoint,
      int protocol,
      long remoteHigh,
      long remoteLow,
      int remotePort,
      boolean lent) {
    int count = last - first + 1;
    int hash = HashIndex.mix(remoteHigh ^ secret, remoteLow, slice.low() ^ remotePort);
    int offset = (hash >>> 16) % OFFSETS;
    int start = Math.floorMod(hash + offsets[offset], count);
    for (int i = 0; i < count; i++) {
      int port = first + (start + i) % count;
      long exclusive = slice.exclusive(protocol, port);
      if (!slice.offers(port, lent) || (exclusive != 0 && exclusive != endpoint)) {
        continue;
      }
      if (alone
          ? slice.uses(protocol, port) == 0
          : slice.uses(protocol, port) == 0
              || flows.owner(
                      slice.high(), slice.low(), protocol, port, remoteHigh, remoteLow, remotePort)
                  < 0) {
        offsets[offset] += i + 1;
        return port;
      }
    }
    return -1;
  }
}

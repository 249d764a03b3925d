package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.FlowTable;

/** When a TCP connection is over: both have sent a FIN, or one a RST. */
final class Ending {
  private static final int BOTH = FlowTable.CLIENT_FIN | FlowTable.SERVER_FIN;

  private Ending() {}

  /** Notes a FIN or a RST; the port rests from the last of them on. */
  static void note(FlowTable flows, Mappings mappings, int flow, int seen) {
    int flags = flows.flags(flow) | seen;
    flows.setFlags(flow, flags);
    if ((flags & FlowTable.RESET) != 0 || (flags & BOTH) == BOTH) {
      mappings.rest(flow);
    }
  }
}

package dev.oxbow.fish.ports;

import java.util.List;

/** Who is told from when to when a connection has its port. Loop thread only. */
public interface PortUses {

  /** Goes on from what the table of flows says: another process may have worked on it. */
  void begin();

  /** A connection has its port from now on; the kernel has said yes. */
  void taken(int flow);

  /** The port is nobody's any more; the record of the flow still stands. */
  void released(int flow);

  /** Makes one that knows the tables, which stay their owner's. */
  interface Source<T extends PortUses> {

    T over(List<PortSlice> slices, FlowTable flows, ClientTable clients);
  }

  /** Nobody wants to know. */
  static PortUses unheeded() {
    return new PortUses() {
      @Override
      public void begin() {}

      @Override
      public void taken(int flow) {}

      @Override
      public void released(int flow) {}
    };
  }
}

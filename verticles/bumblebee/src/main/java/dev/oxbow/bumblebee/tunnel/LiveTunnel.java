package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.PacketCounts;

/** A tunnel that runs, seen from the control loop. */
public interface LiveTunnel {

  /** Ends it: its connections are reset, and its outcome follows. Any thread, more than once. */
  void end(EndReason reason);

  /** The place of its record in the ledger. */
  int slot();

  /** Connections in its table now, closing ones included. A moment old. */
  int connections();

  /** Its counters, a moment old. */
  PacketCounts packets();

  /** Nanoseconds since it began. */
  long ageNanos();

  /** Nanoseconds since a packet came or went. */
  long idleNanos();
}

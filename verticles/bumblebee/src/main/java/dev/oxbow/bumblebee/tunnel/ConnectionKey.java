package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;

/** Addresses and ports of a connection as its client sees them; set anew for each packet. */
final class ConnectionKey {
  private static final long MIX = 0x9e37_79b9_7f4a_7c15L;

  long clientHigh;
  long clientLow;
  long destinationHigh;
  long destinationLow;

  /** Client's port in the lower half, destination's in the upper. */
  int ports;

  /** Of a packet from the client. */
  void ofClient(PacketView packet) {
    clientHigh = packet.sourceHigh();
    clientLow = packet.sourceLow();
    destinationHigh = packet.destinationHigh();
    destinationLow = packet.destinationLow();
    ports = packet.sourcePort() | packet.destinationPort() << 16;
  }

  /** Of a packet to the client, such as one that the client's side complains about. */
  void toClient(PacketView packet) {
    clientHigh = packet.destinationHigh();
    clientLow = packet.destinationLow();
    destinationHigh = packet.sourceHigh();
    destinationLow = packet.sourceLow();
    ports = packet.destinationPort() | packet.sourcePort() << 16;
  }

  /** 4 or 6. */
  static int version(long high, long low) {
    return PacketView.isV4(high, low) ? 4 : 6;
  }

  /**
   * Spreads keys that somebody else chooses.
   *
   * @param seed a secret of this process
   */
  int hash(long seed, int slot) {
    long hash = mix(seed ^ clientLow, slot);
    hash = mix(hash ^ destinationLow, ports);
    hash = mix(hash ^ clientHigh, destinationHigh);
    return (int) (hash ^ hash >>> 32);
  }

  private static long mix(long a, long b) {
    long mixed = (a + (b | 1) * MIX) * MIX;
    return mixed ^ mixed >>> 29;
  }
}

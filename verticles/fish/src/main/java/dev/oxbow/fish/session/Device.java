package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.libc.NativeMemory;
import java.nio.ByteBuffer;

/**
 * Packets into the tun. Those of IPv6 that came in fragments are cut again, since the kernel does
 * not do it on the way. Loop thread only.
 */
final class Device {
  private static final int PACKET_BYTES = 0x10000;

  private final FlowPort port;
  private final NativeMemory area = NativeMemory.allocate(PACKET_BYTES);
  private final ByteBuffer piece = area.view();
  private final Fragmenter fragmenter = new Fragmenter();

  /**
   * @param tun stays its owner's
   */
  Device(int tun) {
    this.port = new FlowPort(tun, false, SessionSpec.MAX_MTU);
  }

  /** Takes packets that the kernel sends to clients: how many, or the negated error number. */
  int receive(PacketBatch into) {
    return port.receive(into);
  }

  /** Gives the kernel a packet; false when it did not take it. */
  boolean write(long address, int bytes) {
    return port.send(address, bytes) == 1;
  }

  /** Gives the kernel a packet of IPv6 in fragments. */
  boolean write6(PacketView packet, int identification, int mtu) {
    if (fragmenter.begin6(packet, identification, mtu) != null) {
      return false;
    }
    boolean all = true;
    while (fragmenter.hasNext()) {
      int bytes = fragmenter.next(piece, 0);
      all &= write(area.address(), bytes);
    }
    return all;
  }

  /** Room for a packet of our own. */
  ByteBuffer room() {
    return piece;
  }

  /** The address of {@link #room()}. */
  long roomAddress() {
    return area.address();
  }

  /** Gives the kernel what was written to {@link #room()}. */
  boolean writeRoom(int bytes) {
    return write(area.address(), bytes);
  }
}

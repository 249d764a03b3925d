package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.Outbox;
import java.nio.ByteBuffer;

/**
 * From a tunnel's device to its flow. A packet that the flow has no room for is held in shared
 * memory, one for each tunnel, and all behind it stay in the device. Loop thread only.
 */
final class ToFlow {

  /** Packets and bytes in one turn at most. */
  private static final int TURN_PACKETS = 64;

  private static final int TURN_BYTES = 512 << 10;

  private static final int START = Bench.HEAD_BYTES;
  private static final int HEADER = START - VirtioNetHeader.BYTES;

  private final Bench bench;
  private final Outbox outbox;
  private final Translation translation;
  private final HeldPackets held;

  ToFlow(Bench bench, Outbox outbox, Translation translation, HeldPackets held) {
    this.bench = bench;
    this.outbox = outbox;
    this.translation = translation;
    this.held = held;
  }

  /**
   * Carries packets until the device has no more, the flow takes no more, or the turn is over.
   *
   * @return whether there may be more to do at once
   */
  boolean turn(Tunnel tunnel) {
    TunnelRecord record = tunnel.record();
    if (record.heldBytes() != 0) {
      int bytes = held.restore(tunnel.slot(), record.heldBytes(), bench.packets, HEADER);
      int done = record.heldSegments();
      record.held(0, 0);
      if (!parse(bytes) || !give(tunnel, done)) {
        return false;
      }
    }
    int budget = TURN_BYTES;
    for (int i = 0; i < TURN_PACKETS && budget > 0; i++) {
      int bytes = read(tunnel);
      if (bytes < 0) {
        return false;
      }
      budget -= bytes;
      if (!parse(bytes)) {
        tunnel.drop(DropReason.KERNEL);
      } else if (translation.fromKernel(tunnel) == Translation.PASS && !give(tunnel, 0)) {
        return false;
      }
    }
    return true;
  }

  /** Bytes of the next packet without its header, or -1 when there is none. */
  private int read(Tunnel tunnel) {
    NativeMemory vector = bench.writeVector;
    Bench.iovec(vector, 0, bench.address(HEADER), VirtioNetHeader.BYTES + Bench.PACKET_BYTES);
    long n = Vectors.readv(tunnel.device(), vector.address(), 1);
    if (n < 0) {
      tunnel.deviceEmpty();
      if (n != -Errno.EAGAIN) {
        tunnel.fail((int) -n);
      }
      return -1;
    }
    return (int) n - VirtioNetHeader.BYTES;
  }

  private boolean parse(int bytes) {
    PacketView packet = bench.packet;
    ByteBuffer memory = bench.packets;
    return packet.parse(memory, START, bytes) == null
        && VirtioNetHeader.apply(memory, HEADER, packet) == null;
  }

  /**
   * Gives the bench's packet to the flow, or holds it.
   *
   * @param done segments that the flow took before
   * @return whether the flow takes more
   */
  private boolean give(Tunnel tunnel, int done) {
    FlowPort port = tunnel.port();
    PacketView packet = bench.packet;
    if (port.headerBytes() == 0) {
      return giveSegments(tunnel, VirtioNetHeader.segmentBytes(bench.packets, HEADER), done);
    }
    int n = port.send(outbox, bench.address(START), packet.length());
    return n < 0 ? refused(tunnel, -n, 0) : taken(tunnel, 1);
  }

  private boolean giveSegments(Tunnel tunnel, int segmentBytes, int from) {
    if (outbox.cut(bench.packet, segmentBytes, tunnel.mtu()) != null) {
      tunnel.drop(DropReason.KERNEL);
      return true;
    }
    for (int done = from; done < outbox.segments(); ) {
      outbox.addSegments(done, bench.address(0), 0);
      int n = tunnel.port().send(outbox);
      outbox.clear();
      if (n < 0 && !refused(tunnel, -n, done)) {
        return false;
      }
      // A segment that was refused for its own sake is dropped, and those behind it go on.
      done += Math.max(1, n);
      taken(tunnel, Math.max(0, n));
    }
    return true;
  }

  private static boolean taken(Tunnel tunnel, int packets) {
    tunnel.record().countOut(packets);
    return true;
  }

  /** Whether the flow takes more nevertheless. */
  private boolean refused(Tunnel tunnel, int errno, int segmentsDone) {
    if (errno == Errno.EAGAIN) {
      PacketView packet = bench.packet;
      int bytes = packet.length();
      held.store(tunnel.slot(), bench.packets, HEADER, bytes);
      tunnel.record().held(bytes, segmentsDone);
      tunnel.flowFull();
      return false;
    }
    if (FlowKind.ofPacket(errno)) {
      tunnel.drop(DropReason.FLOW);
      return true;
    }
    tunnel.flowFailed(errno);
    return false;
  }
}

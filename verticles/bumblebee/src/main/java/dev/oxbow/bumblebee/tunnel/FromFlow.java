package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.Coalescer;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.service.flow.Bench;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.Fragments;
import dev.oxbow.service.flow.Outbox;
import java.nio.ByteBuffer;

/**
 * From a tunnel's flow to its device, a batch at a time; segments that follow one another go as one
 * super-packet, so that the kernel goes through its stack once. The device never refuses for want
 * of room, so nothing is left over. Loop thread only.
 */
final class FromFlow {
  private final Bench bench;
  private final Outbox outbox;
  private final Translation translation;
  private final Fragments fragments;
  private final Coalescer coalescer;

  FromFlow(Bench bench, Outbox outbox, Translation translation, Fragments fragments) {
    this.bench = bench;
    this.outbox = outbox;
    this.translation = translation;
    this.fragments = fragments;
    this.coalescer = new Coalescer(bench.packets, Bench.BATCH, false);
  }

  /**
   * Carries one batch.
   *
   * @return whether there may be more to do at once
   */
  boolean turn(Tunnel tunnel, long now) {
    FlowPort port = tunnel.port();
    int n = port.receive(bench);
    if (n < 0) {
      if (n == -Errno.EAGAIN) {
        tunnel.flowEmpty();
      } else {
        tunnel.flowFailed(-n);
      }
      return false;
    }
    coalescer.reset();
    int packets = 0;
    for (int i = 0; i < n; i++) {
      // An empty message is nothing, and at the end of a stream there is no end of them.
      if (bench.length[i] != 0) {
        packets++;
        take(tunnel, port.headerBytes(), bench.start[i], bench.length[i], now);
      }
    }
    write(tunnel);
    tunnel.record().countIn(packets);
    if (packets == 0 && tunnel.ended() && port.drained()) {
      tunnel.end(EndReason.EOF);
      return false;
    }
    return true;
  }

  private void take(Tunnel tunnel, int headerBytes, int start, int length, long now) {
    if (length < 0) {
      tunnel.drop(length == Bench.TOO_LONG ? DropReason.TOO_LONG : DropReason.MALFORMED);
      return;
    }
    PacketView packet = bench.packet;
    ByteBuffer memory = bench.packets;
    int header = start - headerBytes;
    if (packet.parse(memory, start, length) != null
        || (headerBytes > 0 && VirtioNetHeader.apply(memory, header, packet) != null)) {
      tunnel.drop(DropReason.MALFORMED);
      return;
    }
    if (packet.isFragment()) {
      takeFragment(tunnel, packet, now);
      return;
    }
    int segmentBytes = headerBytes > 0 ? VirtioNetHeader.segmentBytes(memory, header) : 0;
    int verdict = translation.fromFlow(tunnel, now);
    if (verdict == Translation.PASS) {
      coalescer.add(packet, segmentBytes);
    } else if (verdict == Translation.ANSWER) {
      answer(tunnel);
    }
  }

  /** A fragment is kept in shared memory, and so is its datagram until it is written. */
  private void takeFragment(Tunnel tunnel, PacketView packet, long now) {
    Reassembler reassembler = tunnel.loop().reassembler(tunnel.group());
    if (reassembler.add(tunnel.record().id(), packet) != null) {
      tunnel.drop(DropReason.FRAGMENT);
      return;
    }
    if (!reassembler.isComplete()) {
      return;
    }
    ByteBuffer memory = reassembler.memory();
    int start = reassembler.position();
    if (packet.parse(memory, start, reassembler.length()) != null) {
      tunnel.drop(DropReason.MALFORMED);
      return;
    }
    int verdict = translation.fromFlow(tunnel, now);
    if (verdict == Translation.PASS) {
      int header = start - VirtioNetHeader.BYTES;
      VirtioNetHeader.writePlain(memory, header);
      long bytes = (long) VirtioNetHeader.BYTES + packet.length();
      Bench.iovec(bench.writeVector, 0, fragments.address(header), bytes);
      if (Vectors.writev(tunnel.device(), bench.writeVector.address(), 1) < 0) {
        tunnel.drop(DropReason.KERNEL);
      }
    } else if (verdict == Translation.ANSWER) {
      answer(tunnel);
    }
  }

  private void write(Tunnel tunnel) {
    coalescer.finish();
    NativeMemory vector = bench.writeVector;
    for (int n = 0; n < coalescer.groups(); n++) {
      int group = coalescer.group(n);
      int pieces = 0;
      for (int piece = group; piece >= 0; piece = coalescer.next(piece)) {
        long address = bench.address(coalescer.position(piece));
        Bench.iovec(vector, pieces++, address, coalescer.length(piece));
      }
      if (Vectors.writev(tunnel.device(), vector.address(), pieces) < 0) {
        tunnel.drop(DropReason.KERNEL, coalescer.packets(group));
      }
    }
  }

  /** A reset is given if there is room for it; the client will ask again. */
  private void answer(Tunnel tunnel) {
    long address = bench.answerAddress(Bench.HEAD_BYTES);
    int n = tunnel.port().send(outbox, address, translation.answerBytes());
    if (n > 0) {
      tunnel.record().countOut(n);
    }
  }
}

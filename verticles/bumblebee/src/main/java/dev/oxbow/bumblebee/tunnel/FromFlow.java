package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.libc.Errno;
import java.nio.ByteBuffer;

/**
 * From a tunnel's flow to its device, a batch at a time. The device never refuses for want of room,
 * so nothing is left over. Loop thread only.
 */
final class FromFlow {
  private final Bench bench;
  private final Translation translation;
  private final Joiner joiner;

  FromFlow(Bench bench, Translation translation) {
    this.bench = bench;
    this.translation = translation;
    this.joiner = new Joiner(bench);
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
    int packets = 0;
    for (int i = 0; i < n; i++) {
      // An empty message is nothing, and at the end of a stream there is no end of them.
      if (bench.length[i] != 0) {
        packets++;
        carry(tunnel, port, bench.start[i], bench.length[i], now);
      }
    }
    joiner.flush(tunnel);
    tunnel.record().countIn(packets);
    if (packets == 0 && tunnel.ended() && port.drained()) {
      tunnel.end(EndReason.EOF);
      return false;
    }
    return true;
  }

  private void carry(Tunnel tunnel, FlowPort port, int start, int length, long now) {
    if (length < 0) {
      tunnel.drop(length == Bench.TOO_LONG ? DropReason.TOO_LONG : DropReason.MALFORMED);
      return;
    }
    PacketView packet = bench.packet;
    if (packet.parse(bench.packets, start, length) != null) {
      tunnel.drop(DropReason.MALFORMED);
      return;
    }
    if (port.headerBytes() == 0) {
      packet.checksumPartial(false);
      plain(tunnel, now);
      return;
    }
    moveHeader(start, port.headerBytes());
    if (!VirtioNet.fits(bench.packets, start - VirtioNet.BYTES, packet)) {
      tunnel.drop(DropReason.MALFORMED);
      return;
    }
    packet.checksumPartial(VirtioNet.needsChecksum(bench.packets, start - VirtioNet.BYTES));
    int verdict = translation.fromFlow(tunnel, now);
    if (verdict == Translation.PASS) {
      joiner.writeWithHeader(tunnel, start, packet.length());
    } else if (verdict == Translation.ANSWER) {
      answer(tunnel);
    }
  }

  private void plain(Tunnel tunnel, long now) {
    int verdict = translation.fromFlow(tunnel, now);
    if (verdict == Translation.PASS) {
      joiner.add(tunnel, translation.connection());
    } else if (verdict == Translation.ANSWER) {
      answer(tunnel);
    }
  }

  /** The flow's header may be longer than that of our device, which has the first ten bytes. */
  private void moveHeader(int start, int bytes) {
    if (bytes > VirtioNet.BYTES) {
      ByteBuffer memory = bench.packets;
      long first = memory.getLong(start - bytes);
      short rest = memory.getShort(start - bytes + 8);
      memory.putLong(start - VirtioNet.BYTES, first);
      memory.putShort(start - VirtioNet.BYTES + 8, rest);
    }
  }

  /** A reset is given if there is room for it; the client will ask again. */
  private void answer(Tunnel tunnel) {
    for (int at = 0; at < Bench.HEAD_BYTES; at += 8) {
      bench.answer.putLong(at, 0);
    }
    long address = bench.answerAddress(Bench.HEAD_BYTES);
    int n = tunnel.port().send(bench, address, translation.answerBytes());
    if (n > 0) {
      tunnel.record().countOut(n);
    }
  }
}

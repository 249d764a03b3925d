package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.service.flow.FlowKind;

/**
 * A flow's descriptor, for packets in both directions. Never waits, whatever the flags of the open
 * file description say, since others share them. Loop thread only.
 */
final class FlowPort {
  private final int fd;
  private final boolean socket;
  private final int headerBytes;
  private final int packetBytes;
  private final boolean cuts;

  /**
   * @param spec whose flow stays its owner's
   */
  FlowPort(TunnelSpec spec) {
    this.fd = spec.flow();
    this.socket = spec.kind().isSocket();
    // Not asked of the tun again: whoever shares it may have changed that since it was accepted.
    this.headerBytes =
        switch (spec.kind()) {
          case TUN -> 0;
          case TUN_VNET -> VirtioNetHeader.BYTES;
          case SEQPACKET, DGRAM -> spec.vnetHdr() ? VirtioNetHeader.BYTES : 0;
        };
    // A tun cuts what does not fit without saying so: a byte more tells.
    int longest = spec.kind() == FlowKind.TUN ? spec.mtu() + 1 : spec.mtu();
    this.packetBytes = headerBytes == 0 ? longest : Bench.PACKET_BYTES;
    this.cuts = spec.kind() == FlowKind.TUN;
  }

  /** Bytes of the virtio_net_hdr before each packet; 0 for none. */
  int headerBytes() {
    return headerBytes;
  }

  /** How many packets {@link #receive} gives at most. */
  int batch() {
    return Bench.batch(packetBytes);
  }

  /**
   * Takes a batch of packets.
   *
   * @return how many, or the negated error number: EAGAIN when there are none
   */
  int receive(Bench bench) {
    bench.prepare(headerBytes, packetBytes);
    return socket ? receiveMessages(bench) : readPackets(bench);
  }

  private int receiveMessages(Bench bench) {
    int n = Vectors.recvmmsg(fd, bench.receiveMessages.address(), batch());
    for (int i = 0; i < n; i++) {
      int at = i * Vectors.MMSGHDR_BYTES;
      int bytes = bench.receiveMessages.getInt(at + Vectors.MMSG_LENGTH);
      boolean cut =
          (bench.receiveMessages.getInt(at + Vectors.MMSG_FLAGS) & Sockets.MSG_TRUNC) != 0;
      bench.length[i] = cut ? Bench.TOO_LONG : packetBytes(bytes);
    }
    return n;
  }

  private int readPackets(Bench bench) {
    int batch = batch();
    for (int i = 0; i < batch; i++) {
      long iovec = bench.receiveVector.address() + (long) i * Vectors.IOVEC_BYTES;
      long n = Vectors.readNow(fd, iovec, 1);
      if (n < 0) {
        return i == 0 ? (int) n : i;
      }
      bench.length[i] = cuts && n == packetBytes ? Bench.TOO_LONG : packetBytes((int) n);
    }
    return batch;
  }

  private int packetBytes(int bytes) {
    return bytes == 0 || bytes > headerBytes ? Math.max(0, bytes - headerBytes) : Bench.NO_HEADER;
  }

  /**
   * Gives one packet.
   *
   * @param address of its first byte, with as much before it as the flow's header takes
   * @return 1, or the negated error number: EAGAIN when there is no room
   */
  int send(Bench bench, long address, int bytes) {
    Bench.iovec(bench.sendVector, 0, address - headerBytes, bytes + headerBytes);
    if (socket) {
      bench.sendMessage(0, 0, 1);
      return Vectors.sendmmsg(fd, bench.sendMessages.address(), 1);
    }
    long n = Vectors.writeNow(fd, bench.sendVector.address(), 1);
    return n < 0 ? (int) n : 1;
  }

  /**
   * Gives the packets that were made ready in the bench's vectors.
   *
   * @return how many it took, or the negated error number if it took none
   */
  int sendMessages(Bench bench, int count) {
    if (socket) {
      return Vectors.sendmmsg(fd, bench.sendMessages.address(), count);
    }
    for (int i = 0; i < count; i++) {
      int at = i * Vectors.MMSGHDR_BYTES;
      long iovecs = bench.sendMessages.getLong(at + Vectors.MMSG_IOVEC);
      int pieces = (int) bench.sendMessages.getLong(at + Vectors.MMSG_IOVEC_COUNT);
      long n = Vectors.writeNow(fd, iovecs, pieces);
      if (n < 0) {
        return i == 0 ? (int) n : i;
      }
    }
    return count;
  }

  /** Whether nothing is left to be received, once the other end is closed. */
  boolean drained() {
    return Syscalls.bytesWaiting(fd) == 0;
  }
}

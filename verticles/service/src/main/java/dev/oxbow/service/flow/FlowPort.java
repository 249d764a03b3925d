package dev.oxbow.service.flow;

import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.libc.Vectors;

/**
 * A flow's descriptor, for packets in both directions. Never waits, whatever the flags of the open
 * file description say, since others share them. Loop thread only.
 */
public final class FlowPort {
  private final int fd;
  private final boolean socket;
  private final boolean cuts;
  private final boolean wholeUdp;

  /** Whether the open file description is ours, and non-blocking. */
  private final boolean own;

  private final int headerBytes;
  private final int packetBytes;

  private FlowPort(
      int fd, boolean socket, boolean vnetHdr, boolean wholeUdp, boolean own, int mtu) {
    this.fd = fd;
    this.own = own;
    this.socket = socket;
    this.wholeUdp = wholeUdp;
    // Not asked of the tun again: whoever shares it may have changed that since it was accepted.
    this.headerBytes = vnetHdr ? VirtioNetHeader.BYTES : 0;
    this.cuts = !socket && !vnetHdr && mtu < Bench.PACKET_BYTES;
    // A tun cuts what does not fit without saying so: a byte more tells.
    this.packetBytes = vnetHdr ? Bench.PACKET_BYTES : cuts ? mtu + 1 : mtu;
  }

  /**
   * A caller's flow.
   *
   * @param fd stays its owner's
   * @param vnetHdr whether messages of a socket begin with a struct virtio_net_hdr; a tun's kind
   *     tells
   * @param mtu longest packet that is taken from a flow without one
   */
  public static FlowPort of(int fd, FlowKind kind, boolean vnetHdr, int mtu) {
    boolean tun = kind == FlowKind.TUN_VNET;
    // Sockets promise what a tun with TSO takes; a tun takes what another one of its kernel gives.
    boolean header = tun || (kind.isSocket() && vnetHdr);
    return new FlowPort(fd, kind.isSocket(), header, tun, false, mtu);
  }

  /**
   * A tun of our own.
   *
   * @param fd non-blocking; stays its owner's
   * @param vnetHdr whether packets begin with a struct virtio_net_hdr
   * @param udp whether super-packets of UDP are taken, too
   */
  public static FlowPort ofDevice(int fd, boolean vnetHdr, boolean udp) {
    return new FlowPort(fd, false, vnetHdr, vnetHdr && udp, true, Bench.PACKET_BYTES);
  }

  /** Bytes of the virtio_net_hdr before each packet; 0 for none. */
  public int headerBytes() {
    return headerBytes;
  }

  /** Whether super-packets of TCP, or those of UDP, are taken whole. */
  public boolean takesWhole(boolean udp) {
    return udp ? wholeUdp : headerBytes > 0;
  }

  /**
   * Takes a batch of packets.
   *
   * @return how many, or the negated error number: EAGAIN when there are none
   */
  public int receive(Bench bench) {
    return socket ? receiveMessages(bench) : readPackets(bench);
  }

  private int receiveMessages(Bench bench) {
    bench.prepare(headerBytes, packetBytes);
    int n = Vectors.recvmmsg(fd, bench.receiveMessages.address(), Bench.batch(packetBytes));
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
    int end = 0;
    int i = 0;
    while (bench.prepareNext(i, end, headerBytes, packetBytes)) {
      long vector = bench.receiveVector.address();
      // Before Linux 6.4 a tun knows no RWF_NOWAIT.
      long n = own ? Vectors.readv(fd, vector, 1) : Vectors.readNow(fd, vector, 1);
      if (n < 0) {
        return i == 0 ? (int) n : i;
      }
      bench.length[i] = cuts && n == packetBytes ? Bench.TOO_LONG : packetBytes((int) n);
      end = bench.start[i] + (int) n;
      i++;
    }
    return i;
  }

  private int packetBytes(int bytes) {
    return bytes == 0 || bytes > headerBytes ? Math.max(0, bytes - headerBytes) : Bench.NO_HEADER;
  }

  /**
   * Gives one packet.
   *
   * @param out empty; forgets the packet
   * @param address of its first byte, with as much before it as the flow's header takes
   * @return 1, or the negated error number: EAGAIN when there is no room
   */
  public int send(Outbox out, long address, int bytes) {
    out.add(address - headerBytes, bytes + headerBytes);
    int n = send(out);
    out.clear();
    return n;
  }

  /**
   * Gives messages, each with the header that the flow takes; they stay in the outbox.
   *
   * @return how many it took, or the negated error number if it took none
   */
  public int send(Outbox out) {
    return socket ? out.send(fd) : out.write(fd, own);
  }

  /**
   * Gives a tun one packet in pieces.
   *
   * @return its bytes, or the negated error number
   */
  public long write(NativeMemory vector, int pieces) {
    return own
        ? Vectors.writev(fd, vector.address(), pieces)
        : Vectors.writeNow(fd, vector.address(), pieces);
  }

  /** Whether nothing is left to be received, once the other end is closed. */
  public boolean drained() {
    return Syscalls.bytesWaiting(fd) == 0;
  }
}

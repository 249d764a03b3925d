package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;

/** A connection whose client is the test, packet by packet. */
final class RawConnection {
  private static final byte[] NOTHING = {};
  private static final byte[] MSS_9000 = {2, 4, 0x23, 0x28};

  final RawFlow flow;
  final Packets packets;
  private int sequence = 1000;
  private int acknowledgment;
  private int offeredMss;

  private RawConnection(RawFlow flow, Packets packets) {
    this.flow = flow;
    this.packets = packets;
  }

  /** Shakes hands. */
  static RawConnection open(RawFlow flow, Packets packets) {
    return open(flow, packets, MSS_9000);
  }

  /**
   * Shakes hands.
   *
   * @param options of the SYN
   */
  static RawConnection open(RawFlow flow, Packets packets, byte[] options) {
    RawConnection made = new RawConnection(flow, packets);
    flow.send(packets.segment(TcpHeader.SYN, made.sequence++, 0, options, NOTHING));
    PacketView answer = made.receive();
    assertThat(TcpHeader.flags(answer)).isEqualTo(TcpHeader.SYN | TcpHeader.ACK);
    assertThat(TcpHeader.acknowledgment(answer)).isEqualTo(made.sequence);
    made.acknowledgment = TcpHeader.sequence(answer) + 1;
    made.offeredMss = TcpHeader.mss(answer);
    made.acknowledge();
    return made;
  }

  /** The next number that this end sends. */
  int sequence() {
    return sequence;
  }

  /** The next number that this end expects. */
  int acknowledgment() {
    return acknowledgment;
  }

  /** So many more bytes have come; that is said in the next packet. */
  void received(int bytes) {
    acknowledgment += bytes;
  }

  /** MSS that the other end offered. */
  int offeredMss() {
    return offeredMss;
  }

  /** The next segment, which must be of this connection and right. */
  PacketView receive() {
    PacketView view = Packets.view(flow.receive());
    assertThat(view.sourcePort()).isEqualTo(packets.toPort());
    assertThat(view.destinationPort()).isEqualTo(packets.fromPort());
    assertThat(Checksum.transportValid(view)).isTrue();
    return view;
  }

  void acknowledge() {
    flow.send(packets.segment(TcpHeader.ACK, sequence, acknowledgment, NOTHING));
  }

  /** Acknowledges a segment that came. */
  void acknowledge(PacketView segment) {
    acknowledgment = TcpHeader.sequence(segment) + TcpHeader.segmentLength(segment);
    acknowledge();
  }

  void send(byte[] payload) {
    flow.send(packets.segment(TcpHeader.ACK | TcpHeader.PSH, sequence, acknowledgment, payload));
    sequence += payload.length;
  }

  /** The packet that would carry some bytes next; they count as sent. */
  byte[] next(byte[] payload) {
    byte[] packet = packets.segment(TcpHeader.ACK, sequence, acknowledgment, payload);
    sequence += payload.length;
    return packet;
  }
}

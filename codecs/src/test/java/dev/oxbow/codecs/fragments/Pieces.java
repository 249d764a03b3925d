package dev.oxbow.codecs.fragments;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TestPacket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A reassembler with a clock by hand, and what it was heard to lose. */
final class Pieces {
  final List<String> losses = new ArrayList<>();
  final ByteBuffer memory;
  private final int count;
  private final int perOwner;
  private final PacketView packet = new PacketView();
  Reassembler reassembler;
  long nanos = Long.MAX_VALUE - 5;

  Pieces(int count, int perOwner) {
    this.count = count;
    this.perOwner = perOwner;
    memory = ByteBuffer.allocateDirect(Reassembler.bytes(count));
    reassembler = open();
  }

  /** Another reassembler over the same memory, as a successor has. */
  void succeed() {
    reassembler = open();
  }

  private Reassembler open() {
    return new Reassembler(
        memory,
        0,
        count,
        perOwner,
        () -> nanos,
        (owner, fragments, why) -> losses.add(owner + " " + fragments + " " + why));
  }

  void pass(long ms) {
    nanos += ms * 1_000_000;
  }

  @Nullable Defect add(long owner, byte[] fragment) {
    ByteBuffer from = TestPacket.direct(fragment);
    assertThat(packet.parse(from, TestPacket.OFFSET, fragment.length)).isNull();
    return reassembler.add(owner, packet);
  }

  /** The datagram that is complete. */
  byte[] complete() {
    assertThat(reassembler.isComplete()).isTrue();
    byte[] bytes = new byte[reassembler.length()];
    reassembler.memory().get(reassembler.position(), bytes);
    return bytes;
  }

  /** Fragments of a packet. */
  static List<byte[]> cut(byte[] bytes, int id, int mtu) {
    PacketView packet = new PacketView();
    assertThat(packet.parse(TestPacket.direct(bytes), TestPacket.OFFSET, bytes.length)).isNull();
    Fragmenter fragmenter = new Fragmenter();
    Defect defect =
        packet.version() == 4 ? fragmenter.begin(packet, mtu) : fragmenter.begin6(packet, id, mtu);
    assertThat(defect).isNull();
    ByteBuffer to = ByteBuffer.allocate(bytes.length + 60);
    List<byte[]> fragments = new ArrayList<>();
    while (fragmenter.hasNext()) {
      byte[] fragment = new byte[fragmenter.next(to, 0)];
      to.get(0, fragment);
      fragments.add(fragment);
    }
    return fragments;
  }

  /** A fragment of IPv4 with data of one value. */
  static byte[] fragment4(int id, int offset, int length, boolean more, int value) {
    byte[] bytes = new byte[20 + length];
    java.util.Arrays.fill(bytes, 20, bytes.length, (byte) value);
    ByteBuffer packet = ByteBuffer.wrap(bytes);
    packet.putShort(0, (short) 0x4500).putShort(2, (short) bytes.length).putShort(4, (short) id);
    packet.putShort(6, (short) (offset / 8 | (more ? 0x2000 : 0))).putShort(8, (short) 0x4011);
    packet.putInt(12, 0x0a000001).putInt(16, 0x0a000002);
    Checksum.fillHeader(packet, 0);
    return bytes;
  }

  /** The same with other ECN bits. */
  static byte[] ecn(byte[] fragment, int ecn) {
    ByteBuffer packet = ByteBuffer.wrap(fragment);
    Bytes.put8(packet, 1, ecn);
    Checksum.fillHeader(packet, 0);
    return fragment;
  }
}

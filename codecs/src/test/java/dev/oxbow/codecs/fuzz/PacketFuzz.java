package dev.oxbow.codecs.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Golden;
import dev.oxbow.codecs.ip.IcmpError;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.ip.TcpReset;
import dev.oxbow.codecs.offload.Coalescer;
import dev.oxbow.codecs.offload.Segmenter;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Everything that a data plane does with a packet, done with packets of a fuzzer: bytes of its own,
 * or those of Scapy with changes. Nothing may throw, nor touch what is not its packet, and what is
 * made must be well-formed. Guided by coverage when JAZZER_FUZZ is 1.
 */
class PacketFuzz {
  private static final int SLOT = 4096;
  private static final int SLOTS = 8;
  private static final byte GUARD = 0x5a;
  private static final List<byte[]> SEEDS = seeds();

  private final ByteBuffer batch = ByteBuffer.allocateDirect(SLOT * SLOTS);
  private final ByteBuffer out = ByteBuffer.allocateDirect(Coalescer.HEADROOM + 0x10000);
  private final ByteBuffer fragments = ByteBuffer.allocateDirect(Reassembler.bytes(2));
  private final ByteBuffer pieces = ByteBuffer.allocateDirect(2 * SLOT);
  private final PacketView packet = new PacketView();
  private final PacketView quoted = new PacketView();
  private final PacketView made = new PacketView();
  private final Segmenter segmenter = new Segmenter();
  private final Fragmenter fragmenter = new Fragmenter();
  private final Coalescer coalescer = new Coalescer(batch, SLOTS, true);
  private final Reassembler reassembler =
      new Reassembler(fragments, 0, 2, 2, () -> 0, (owner, count, why) -> {});

  @FuzzTest(maxDuration = "5s")
  void anyPacketsAreHandled(FuzzedDataProvider data) {
    coalescer.reset();
    reassembler.forget(1);
    for (int slot = 0; slot < SLOTS && data.remainingBytes() > 0; slot++) {
      handle(data, slot * SLOT);
    }
    coalescer.finish();
    for (int n = 0; n < coalescer.groups(); n++) {
      int length = coalescer.copy(coalescer.group(n), out, 0);
      assertThat(made.parse(out, VirtioNetHeader.BYTES, length - VirtioNetHeader.BYTES)).isNull();
      assertThat(VirtioNetHeader.apply(out, 0, made)).isNull();
    }
  }

  private void handle(FuzzedDataProvider data, int slot) {
    int length = fill(data, slot + Coalescer.HEADROOM);
    int start = slot + Coalescer.HEADROOM;
    if (length > 0 && Bytes.u8(batch, start) >> 4 == 4 && data.consumeBoolean()) {
      repairHeader(start, length);
    }
    batch.put(start + length, GUARD);
    if (packet.parse(batch, start, length) != null) {
      return;
    }
    if (packet.isFragment()) {
      reassemble(data);
    } else {
      read();
      answer();
      rewrite(data);
      offload(data, slot);
    }
    assertThat(batch.get(start + length)).isEqualTo(GUARD);
  }

  /** Bytes of the fuzzer's, or of a seed with some of them changed. */
  private int fill(FuzzedDataProvider data, int at) {
    int seed = data.consumeInt(0, SEEDS.size());
    if (seed == SEEDS.size()) {
      byte[] bytes = data.consumeBytes(data.consumeInt(0, 1500));
      batch.put(at, bytes);
      return bytes.length;
    }
    byte[] bytes = SEEDS.get(seed);
    batch.put(at, bytes);
    for (int i = data.consumeInt(0, 6); i > 0; i--) {
      batch.put(at + data.consumeInt(0, Math.min(bytes.length, 100)), data.consumeByte());
    }
    return data.consumeBoolean() ? bytes.length : data.consumeInt(0, bytes.length);
  }

  /** Else no fuzzer gets past the checksum. */
  private void repairHeader(int start, int length) {
    int header = (Bytes.u8(batch, start) & 15) * 4;
    if (header >= 20 && header <= length) {
      Checksum.fillHeader(batch, start);
    }
  }

  private void read() {
    assertThat(packet.end()).isGreaterThanOrEqualTo(packet.payload());
    packet.hopLimit();
    packet.trafficClass();
    packet.identification();
    packet.unicast();
    if (packet.protocol() == 6) {
      TcpHeader.mss(packet);
      TcpHeader.windowScale(packet);
      TcpHeader.segmentLength(packet);
    }
  }

  private void answer() {
    for (IcmpError error : IcmpError.values()) {
      wellFormed(error.write(packet, 1280, 0, PacketView.V4_LOW | 1, out, 0));
    }
    if (packet.protocol() == 6) {
      wellFormed(TcpReset.write(packet, out, 0));
    }
  }

  private void wellFormed(int length) {
    if (length > 0) {
      assertThat(made.parse(out, 0, length)).isNull();
      assertThat(made.length()).isEqualTo(length);
      assertThat(Checksum.transportValid(made)).isTrue();
    }
  }

  private void rewrite(FuzzedDataProvider data) {
    boolean valid = Checksum.transportValid(packet);
    int port = packet.hasPorts() ? data.consumeInt(0, 0xffff) : Rewrite.SAME_PORT;
    Rewrite.source(packet, data.consumeLong(), data.consumeLong(), port);
    Rewrite.destination(packet, data.consumeLong(), data.consumeLong(), port);
    if (packet.protocol() == 6) {
      Rewrite.clampMss(packet, 1200);
    }
    if (packet.isIcmpError() && packet.quoted(quoted) == null) {
      int inner = quoted.hasPorts() ? port : Rewrite.SAME_PORT;
      Rewrite.quotedSource(packet, quoted, data.consumeLong(), data.consumeLong(), inner);
      Rewrite.quotedDestination(packet, quoted, data.consumeLong(), data.consumeLong(), inner);
      Rewrite.icmpMtu(packet, 1200);
    }
    assertThat(Checksum.transportValid(packet)).isEqualTo(valid);
    assertThat(made.parse(batch, packet.start(), packet.length())).isNull();
  }

  private void offload(FuzzedDataProvider data, int slot) {
    byte[] header = data.consumeBytes(VirtioNetHeader.BYTES);
    batch.put(slot, header);
    boolean offloaded =
        header.length == VirtioNetHeader.BYTES
            && VirtioNetHeader.apply(batch, slot, packet) == null;
    int size = offloaded ? VirtioNetHeader.segmentBytes(batch, slot) : 0;
    boolean good = packet.checksumPartial() || Checksum.transportValid(packet);
    int mtu = data.consumeInt(20, 1500);
    if (segmenter.begin(packet, size, mtu) == null) {
      segments(mtu, good);
    }
    if (!packet.checksumPartial() && fragmenter.begin(packet, mtu) == null) {
      while (fragmenter.hasNext()) {
        int length = fragmenter.next(out, 0);
        assertThat(length).isLessThanOrEqualTo(Math.max(mtu, 20 + packet.headerLength()));
        assertThat(made.parse(out, 0, length)).isNull();
      }
    }
    coalescer.add(packet, size);
  }

  private void segments(int mtu, boolean good) {
    int payload = 0;
    while (segmenter.hasNext()) {
      int length = segmenter.next(pieces, 0);
      payload += segmenter.payloadLength();
      assertThat(length).isLessThanOrEqualTo(mtu);
      assertThat(made.parse(pieces, 0, length)).isNull();
      assertThat(!good || Checksum.transportValid(made)).isTrue();
    }
    assertThat(payload).isEqualTo(packet.payloadLength());
  }

  private void reassemble(FuzzedDataProvider data) {
    Rewrite.source(packet, data.consumeLong(), 1, Rewrite.SAME_PORT);
    if (fragmenter.begin(packet, 100) == null) {
      while (fragmenter.hasNext()) {
        assertThat(made.parse(out, 0, fragmenter.next(out, 0))).isNull();
        take(made);
      }
    } else {
      take(packet);
    }
  }

  private void take(PacketView fragment) {
    if (reassembler.add(1, fragment) == null && reassembler.isComplete()) {
      quoted.parse(reassembler.memory(), reassembler.position(), reassembler.length());
    }
  }

  private static List<byte[]> seeds() {
    try {
      List<byte[]> seeds = new ArrayList<>();
      Class<?> ip = Golden.class;
      for (Golden golden : Golden.of(ip, "packets.txt", "parse")) {
        seeds.add(golden.bytes("packet"));
      }
      for (Golden golden : Golden.of(ip, "packets.txt", "rewrite")) {
        seeds.add(golden.bytes("before"));
      }
      for (Golden golden : Golden.of(ip, "../fragments/fragments.txt", "fragments")) {
        for (String fragment : golden.text("fragments").split(",", -1)) {
          seeds.add(java.util.HexFormat.of().parseHex(fragment));
        }
      }
      return seeds;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

import dev.oxbow.codecs.fragments.Fragmenter;
import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.Rewrite;
import dev.oxbow.codecs.offload.Coalescer;
import dev.oxbow.codecs.offload.Segmenter;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What the codecs of packets cost: medians of rounds, after as many to warm up, on one core and on
 * data that the caches hold. Run by bench/packets/run.
 */
public final class Packets {
  private static final int ROUNDS = 15;
  private static final long ROUND_NANOS = 100_000_000;
  private static final int SEGMENT = 1448;
  private static final int SEGMENTS = 44;
  private static final int SLOT = 2048;
  private static final int MTU = 1500;

  private final ByteBuffer memory = ByteBuffer.allocateDirect(SEGMENTS * SLOT);
  private final ByteBuffer large = ByteBuffer.allocateDirect(0x11000);
  private final ByteBuffer out = ByteBuffer.allocateDirect(SEGMENTS * SLOT);
  private final PacketView packet = new PacketView();
  private long sink;
  private int first = -1;

  private Packets() {}

  public static void main(String[] args) {
    for (int version : new int[] {4, 6}) {
      new Packets().measure(version);
    }
  }

  private void measure(int version) {
    int bytes = SEGMENTS * SEGMENT;
    System.out.printf("IPv%d, %s%n", version, System.getProperty("java.version"));
    write(memory, 10, version, SEGMENT, 0, true);
    int length = headers(version) + SEGMENT;
    report("parse", 1, 0, () -> packet.parse(memory, 10, length));
    report("parse, rewrite both ends", 1, 0, () -> rewrite(length));
    report("checksum of a segment, verified", 1, SEGMENT, () -> verify(length));
    report("copy of 63,712 bytes", 1, bytes, () -> out.put(0, large, 0, bytes));
    write(large, 0, version, bytes, 0, false);
    Segmenter segmenter = new Segmenter();
    report("cut into 44, headers only", SEGMENTS, bytes, () -> cut(segmenter, version, false));
    report("cut into 44, copied", SEGMENTS, bytes, () -> cut(segmenter, version, true));
    for (int i = 0; i < SEGMENTS; i++) {
      write(memory, i * SLOT + 10, version, SEGMENT, i, true);
    }
    Coalescer coalescer = new Coalescer(memory, SEGMENTS, true);
    // Joining changes the first packet's headers, so they are written again each time.
    report("join 44, as pieces", SEGMENTS, bytes, () -> join(coalescer, version, false));
    report("join 44, copied", SEGMENTS, bytes, () -> join(coalescer, version, true));
    fragments(version);
  }

  private void fragments(int version) {
    int payload = 5600;
    write(large, 0, version, payload, 0, true);
    int length = headers(version) + payload;
    packet.parse(large, 0, length);
    Fragmenter fragmenter = new Fragmenter();
    int[] ends = new int[4];
    if (version == 4) {
      Bytes.put16(large, 6, 0);
      Checksum.fillHeader(large, 0);
      packet.parse(large, 0, length);
      fragmenter.begin(packet, MTU);
    } else {
      fragmenter.begin6(packet, 1, MTU);
    }
    for (int i = 0; i < 4; i++) {
      ends[i] = fragmenter.next(memory, i * SLOT);
    }
    ByteBuffer room = ByteBuffer.allocateDirect(Reassembler.bytes(64));
    Reassembler reassembler = new Reassembler(room, 0, 64, 16, System::nanoTime, (o, n, w) -> {});
    report("put 4 fragments together", 4, payload, () -> {
      for (int i = 3; i >= 0; i--) {
        packet.parse(memory, i * SLOT, ends[i]);
        reassembler.add(7, packet);
      }
      if (!reassembler.isComplete()) {
        throw new IllegalStateException("not complete");
      }
      sink += reassembler.length();
    });
  }

  private void rewrite(int length) {
    packet.parse(memory, 10, length);
    Rewrite.source(packet, sink, PacketView.V4_LOW | sink, (int) sink & 0xffff);
    Rewrite.destination(packet, ~sink, PacketView.V4_LOW | ~sink, 80);
    sink++;
  }

  private void verify(int length) {
    packet.parse(memory, 10, length);
    sink += Checksum.sum(memory, packet.transport(), packet.transportLength());
  }

  private void cut(Segmenter segmenter, int version, boolean copied) {
    packet.parse(large, 0, headers(version) + SEGMENTS * SEGMENT);
    packet.checksumPartial(true);
    if (segmenter.begin(packet, SEGMENT, headers(version) + SEGMENT) != null
        || segmenter.count() != SEGMENTS) {
      throw new IllegalStateException("not cut");
    }
    for (int i = 0; segmenter.hasNext(); i++) {
      sink += copied ? segmenter.next(out, i * SLOT) : segmenter.nextHeader(out, i * SLOT);
    }
  }

  private void join(Coalescer coalescer, int version, boolean copied) {
    write(memory, 10, version, SEGMENT, 0, false);
    Bytes.put16(memory, 10 + headers(version) - 16, firstChecksum(version));
    coalescer.reset();
    int length = headers(version) + SEGMENT;
    for (int i = 0; i < SEGMENTS; i++) {
      packet.parse(memory, i * SLOT + 10, length);
      coalescer.add(packet);
    }
    coalescer.finish();
    if (coalescer.groups() != 1) {
      throw new IllegalStateException(coalescer.groups() + " groups");
    }
    sink += copied ? coalescer.copy(coalescer.group(0), large, 0) : coalescer.groups();
  }

  private int firstChecksum(int version) {
    if (first < 0) {
      packet.parse(memory, 10, headers(version) + SEGMENT);
      first = Checksum.transport(packet);
    }
    return first;
  }

  private static int headers(int version) {
    return (version == 4 ? 20 : 40) + 32;
  }

  /** A TCP segment with the timestamps that Linux sends. */
  private void write(ByteBuffer to, int at, int version, int payload, int number, boolean full) {
    int ip = version == 4 ? 20 : 40;
    if (version == 4) {
      Bytes.put32(to, at, 0x45000000 | ip + 32 + payload);
      Bytes.put32(to, at + 4, 0x4000);
      Bytes.put32(to, at + 8, 64 << 24 | 6 << 16);
      Bytes.put64(to, at + 12, 0x0a000001_0a000002L);
      Checksum.fillHeader(to, at);
    } else {
      Bytes.put64(to, at, 0x60000000L << 32 | (32L + payload) << 16 | 0x0640);
      for (int i = 8; i < 40; i += 8) {
        Bytes.put64(to, at + i, 0x20010db8_00000000L | i);
      }
    }
    Bytes.put32(to, at + ip, 40000 << 16 | 80);
    Bytes.put32(to, at + ip + 4, number * SEGMENT);
    Bytes.put32(to, at + ip + 8, 1);
    Bytes.put32(to, at + ip + 12, 0x8010_0100);
    Bytes.put32(to, at + ip + 16, 0);
    Bytes.put32(to, at + ip + 20, 0x0101_080a);
    Bytes.put64(to, at + ip + 24, 99);
    if (full) {
      packet.parse(to, at, ip + 32 + payload);
      Checksum.fill(packet);
    }
  }

  private void report(String what, int packets, int bytes, Runnable work) {
    double[] nanos = new double[ROUNDS];
    for (int round = -ROUNDS; round < ROUNDS; round++) {
      long began = System.nanoTime();
      long times = 0;
      while (System.nanoTime() - began < ROUND_NANOS) {
        for (int i = 0; i < 100; i++) {
          work.run();
        }
        times += 100;
      }
      nanos[Math.floorMod(round, ROUNDS)] = (double) (System.nanoTime() - began) / times;
    }
    Arrays.sort(nanos);
    double median = nanos[ROUNDS / 2];
    String rate = bytes == 0 ? "" : String.format(", %5.1f Gbyte/s", bytes / median);
    System.out.printf("  %-34s %7.1f ns a packet%s%n", what, median / packets, rate);
  }
}

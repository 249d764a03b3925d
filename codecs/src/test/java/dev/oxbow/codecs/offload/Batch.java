package dev.oxbow.codecs.offload;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.PacketView;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** A batch of packets in slots, as a data plane has them, and a coalescer over it. */
final class Batch {
  private static final int SLOT = 2100;

  final ByteBuffer memory;
  final Coalescer coalescer;
  private final PacketView packet = new PacketView();
  private int used;

  Batch(int packets, boolean udp) {
    memory = ByteBuffer.allocateDirect(packets * SLOT);
    coalescer = new Coalescer(memory, packets, udp);
    coalescer.reset();
  }

  void reset() {
    coalescer.reset();
    used = 0;
  }

  void add(byte[] bytes) {
    int at = used++ * SLOT + Coalescer.HEADROOM + 7;
    memory.put(at, bytes);
    assertThat(packet.parse(memory, at, bytes.length)).isNull();
    coalescer.add(packet);
  }

  /** What would be written, each with its virtio_net_hdr, in hexadecimal. */
  List<String> joined() {
    coalescer.finish();
    ByteBuffer to = ByteBuffer.allocateDirect(Coalescer.HEADROOM + Coalescer.MAX_BYTES);
    List<String> groups = new ArrayList<>();
    for (int n = 0; n < coalescer.groups(); n++) {
      byte[] bytes = new byte[coalescer.copy(coalescer.group(n), to, 0)];
      to.get(0, bytes);
      groups.add(HexFormat.of().formatHex(bytes));
    }
    return groups;
  }
}

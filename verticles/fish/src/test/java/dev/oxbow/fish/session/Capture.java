package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.device.Namespace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * What a device of a namespace has seen, by tcpdump(8), packet by packet.
 *
 * <pre>
 * pcap file, 24 bytes; then, for each frame, 16 bytes of which 8 captured u32 and 12 length u32
 * </pre>
 */
final class Capture implements AutoCloseable {
  private static final int FILE_HEADER = 24;
  private static final int FRAME_HEADER = 16;
  private static final int ETHERNET = 14;

  private final Path file;
  private final Process process;

  /** Begins; it listens when this returns. */
  Capture(Namespace namespace, String device, Path file, String filter) throws IOException {
    this.file = file;
    this.process =
        namespace.call(
            () ->
                new ProcessBuilder(
                        "tcpdump",
                        "-i",
                        device,
                        "-s",
                        "0",
                        "-B",
                        "65536",
                        "-w",
                        file.toString(),
                        "-Z",
                        "root",
                        filter)
                    .redirectErrorStream(true)
                    .start());
    BufferedReader said =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = said.readLine();
    while (line != null && !line.contains("listening on")) {
      line = said.readLine();
    }
    assertThat(line).contains("listening on");
  }

  /** Ends it, and looks at each packet, whose checksum must be right; how many there are. */
  int each(Consumer<PacketView> look) throws IOException {
    close();
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    PacketView packet = new PacketView();
    int count = 0;
    for (int at = FILE_HEADER; at < bytes.limit(); count++) {
      int captured = bytes.getInt(at + 8);
      assertThat(bytes.getInt(at + 12)).isEqualTo(captured);
      int start = at + FRAME_HEADER + ETHERNET;
      assertThat(packet.parse(bytes, start, captured - ETHERNET)).isNull();
      assertThat(Checksum.transportValid(packet)).isTrue();
      look.accept(packet);
      at += FRAME_HEADER + captured;
    }
    return count;
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}

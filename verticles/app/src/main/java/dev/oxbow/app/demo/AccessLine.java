package dev.oxbow.app.demo;

import dev.oxbow.codecs.control.Message;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a forwarder logged of one connection.
 *
 * @param relay null for a connection that was never relayed
 * @param bytesToTarget as logged
 * @param bytesToClient as logged
 * @param reason as logged
 * @param earlierLife whether another forwarder had accepted the connection
 * @param hasTcpInfo whether it tells round-trip times of both sides
 */
record AccessLine(
    @Nullable String relay,
    long bytesToTarget,
    long bytesToClient,
    String reason,
    boolean earlierLife,
    boolean hasTcpInfo) {

  /** Reads a log. */
  static List<AccessLine> readAll(Path log) throws IOException {
    List<AccessLine> lines = new ArrayList<>();
    for (String line : Files.readAllLines(log)) {
      lines.add(of(Message.parse(line.getBytes(StandardCharsets.UTF_8))));
    }
    return lines;
  }

  private static AccessLine of(Message line) {
    return new AccessLine(
        line.string("relay", null),
        line.integer("bytesToTarget", 0, Long.MAX_VALUE),
        line.integer("bytesToClient", 0, Long.MAX_VALUE),
        line.string("reason"),
        line.flag("earlierLife", false),
        rtt(line, "clientTcp") > 0 && rtt(line, "targetTcp") > 0);
  }

  private static long rtt(Message line, String side) {
    Message tcp = line.object(side);
    return tcp == null ? 0 : tcp.integer("rttUs", 0, Long.MAX_VALUE, 0);
  }
}

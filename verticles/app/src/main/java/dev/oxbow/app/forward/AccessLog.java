package dev.oxbow.app.forward;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.tcp.TcpInfo;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line per connection. Each is one write(2), done before its report counts as handled: a line
 * can be written twice by a forwarder that is killed, but never be lost.
 */
public final class AccessLog {
  private static final Logger log = LoggerFactory.getLogger(AccessLog.class);
  private static final long SELF = ProcessHandle.current().pid();

  private final LogFormat format;
  private final OutputStream out;
  private final Clock clock;

  /**
   * @param out not buffered
   */
  public AccessLog(LogFormat format, OutputStream out, Clock clock) {
    this.format = format;
    this.out = out;
    this.clock = clock;
  }

  /** Writes a line. Any thread. */
  synchronized void write(AccessEntry entry) {
    String time = clock.instant().truncatedTo(ChronoUnit.MILLIS).toString();
    String line = format == LogFormat.JSON ? json(time, entry) : text(time, entry);
    try {
      out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      log.error("access log: {}: {}", e.getMessage(), line);
    }
  }

  private static String text(String time, AccessEntry entry) {
    StringBuilder line = new StringBuilder(time);
    append(line, "client", entry.client());
    append(line, "listen", entry.listen());
    append(line, "source", entry.source());
    append(line, "target", entry.target());
    append(line, "toTarget", entry.bytesToTarget());
    append(line, "toClient", entry.bytesToClient());
    append(line, "duration", entry.durationMs() + "ms");
    append(line, "connect", entry.connectMs() < 0 ? null : entry.connectMs() + "ms");
    append(line, "reason", entry.reason());
    append(line, "endedBy", entry.endedBy());
    append(line, "error", entry.error());
    append(line, "rtt", rtt(entry.clientTcp()) + "/" + rtt(entry.targetTcp()));
    append(
        line, "retransmits", retransmits(entry.clientTcp()) + "/" + retransmits(entry.targetTcp()));
    append(line, "undelivered", entry.undeliveredBytes() == 0 ? null : entry.undeliveredBytes());
    append(line, "relay", entry.relay());
    append(line, "acceptedBy", earlierLife(entry) ? entry.forwarder() : null);
    return line.toString();
  }

  private static String json(String time, AccessEntry entry) {
    MessageWriter json =
        new MessageWriter()
            .string("time", time)
            .string("relay", entry.relay())
            .string("client", entry.client())
            .string("listen", entry.listen())
            .string("source", entry.source())
            .string("target", entry.target())
            .number("bytesToTarget", entry.bytesToTarget())
            .number("bytesToClient", entry.bytesToClient())
            .number("durationMs", entry.durationMs())
            .number("connectMs", entry.connectMs())
            .string("reason", entry.reason())
            .string("endedBy", entry.endedBy())
            .string("error", entry.error());
    appendTcp(json, "clientTcp", entry.clientTcp());
    appendTcp(json, "targetTcp", entry.targetTcp());
    json.number("undeliveredBytes", entry.undeliveredBytes())
        .number("acceptedBy", entry.forwarder())
        .flag("earlierLife", earlierLife(entry));
    return new String(json.bytes(), StandardCharsets.UTF_8);
  }

  /** Whether a forwarder that is gone accepted the connection. */
  private static boolean earlierLife(AccessEntry entry) {
    return entry.forwarder() != 0 && entry.forwarder() != SELF;
  }

  private static void appendTcp(MessageWriter json, String name, @Nullable TcpInfo tcp) {
    if (tcp == null) {
      json.nothing(name);
    } else {
      json.object(name)
          .number("rttUs", tcp.get("rtt"))
          .number("minRttUs", tcp.get("minRtt"))
          .number("retransmits", tcp.get("totalRetrans"))
          .number("sndCwnd", tcp.get("sndCwnd"))
          .end();
    }
  }

  private static void append(StringBuilder line, String key, @Nullable Object value) {
    if (value != null) {
      line.append(' ').append(key).append('=').append(value);
    }
  }

  /** tcpi_rtt is in microseconds. */
  private static String rtt(@Nullable TcpInfo tcp) {
    return tcp == null ? "-" : String.format(Locale.ROOT, "%.3fms", tcp.get("rtt") / 1000.0);
  }

  private static String retransmits(@Nullable TcpInfo tcp) {
    return tcp == null ? "-" : Long.toString(tcp.get("totalRetrans"));
  }
}

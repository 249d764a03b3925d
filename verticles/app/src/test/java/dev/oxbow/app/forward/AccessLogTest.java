package dev.oxbow.app.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class AccessLogTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-22T10:00:00.123456Z"), ZoneOffset.UTC);
  private static final long SELF = ProcessHandle.current().pid();

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @Test
  void textHasAllThatTheReportTells() {
    assertThat(line(LogFormat.TEXT, report(SELF)))
        .isEqualTo(
            "2026-11-22T10:00:00.123Z client=10.0.0.2:40000 listen=10.0.0.1:443"
                + " source=10.1.0.1:50000 target=10.1.0.2:80 toTarget=123 toClient=456"
                + " duration=789ms connect=3ms reason=eof endedBy=client rtt=1.500ms/2.500ms"
                + " retransmits=4/5 relay=r1\n");
  }

  @Test
  void jsonHasAllThatTheReportTells() {
    Message json = Message.parse(bytes(line(LogFormat.JSON, report(SELF))));
    assertThat(json.string("relay")).isEqualTo("r1");
    assertThat(json.string("client")).isEqualTo("10.0.0.2:40000");
    assertThat(json.string("target")).isEqualTo("10.1.0.2:80");
    assertThat(json.integer("bytesToTarget", 0, 999)).isEqualTo(123);
    assertThat(json.integer("bytesToClient", 0, 999)).isEqualTo(456);
    assertThat(json.integer("durationMs", 0, 999)).isEqualTo(789);
    assertThat(json.string("reason")).isEqualTo("eof");
    assertThat(json.string("endedBy")).isEqualTo("client");
    assertThat(json.has("error")).isFalse();
    Message target = json.object("targetTcp");
    assertThat(target).isNotNull();
    assertThat(target.integer("rttUs", 0, 9999)).isEqualTo(2500);
    assertThat(target.integer("retransmits", 0, 9)).isEqualTo(5);
    assertThat(json.flag("earlierLife", true)).isFalse();
  }

  @Test
  void marksConnectionsThatAnotherForwarderHasAccepted() {
    assertThat(line(LogFormat.TEXT, report(SELF + 1))).endsWith(" acceptedBy=" + (SELF + 1) + "\n");
    out.reset();
    Message json = Message.parse(bytes(line(LogFormat.JSON, report(SELF + 1))));
    assertThat(json.flag("earlierLife", false)).isTrue();
  }

  @Test
  void takesMetadataOfOtherPrograms() {
    for (String metadata : new String[] {"null", "[1]", "{\"connectMs\":\"x\"}", "7"}) {
      out.reset();
      assertThat(line(LogFormat.TEXT, report(RawJson.of(metadata))))
          .contains("client=10.0.0.2:40000", "reason=eof")
          .doesNotContain("connect=", "acceptedBy=");
    }
  }

  @Test
  void tellsWhyThereWasNoRelay() {
    AccessEntry failed =
        AccessEntry.failed("c:1", "l:2", "t:3", 7, "connect-failed", "ECONNREFUSED");
    new AccessLog(LogFormat.TEXT, out, CLOCK).write(failed);
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("client=c:1 listen=l:2 target=t:3", "reason=connect-failed error=ECONNREFUSED")
        .doesNotContain("relay=", "null");
  }

  private String line(LogFormat format, SpliceReport report) {
    try (report) {
      new AccessLog(format, out, CLOCK).write(AccessEntry.of(report));
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  private static SpliceReport report(long forwarder) {
    return report(AccessEntry.metadata("10.0.0.2:40000", "10.0.0.1:443", "web:80", 3, forwarder));
  }

  private static SpliceReport report(RawJson metadata) {
    StreamPair pair = StreamPair.unix();
    return new SpliceReport(
        "r1",
        EndReason.EOF,
        Side.A,
        null,
        123,
        456,
        789,
        metadata,
        new SpliceReport.End(
            pair.near(), "10.0.0.1:443", "10.0.0.2:40000", tcpInfo(1500, 4), 0, null),
        new SpliceReport.End(
            pair.far(), "10.1.0.1:50000", "10.1.0.2:80", tcpInfo(2500, 5), 0, null));
  }

  /** Offsets of tcpi_rtt and tcpi_total_retrans in include/uapi/linux/tcp.h. */
  private static TcpInfo tcpInfo(int rttUs, int retransmits) {
    ByteBuffer raw = ByteBuffer.allocate(104).order(ByteOrder.nativeOrder());
    return new TcpInfo(raw.putInt(68, rttUs).putInt(100, retransmits).array());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}

package dev.oxbow.app.status;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.SessionPage;
import dev.oxbow.service.flow.PacketCounts;
import dev.oxbow.splicer.RelayPage;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class StatusTableTest {
  private static final JsonObject STATS =
      new JsonObject()
          .put("relays", 2)
          .put("bytes", 2048)
          .put("ended", new JsonObject().put("eof", 7).put("max-bytes", 1));

  @Test
  void showsCountersThenRelays() {
    String text = new StatusTable(10).show(snapshot(0, relay("r1", 1024, 3L << 20)));
    assertThat(text)
        .containsPattern("relays +2\n")
        .containsPattern("bytes +2.0 KiB\n")
        .containsPattern("ended.eof +7\n")
        .containsPattern("ended.max-bytes +1\n")
        .contains("1 live relay\n")
        .containsPattern("r1 +1.0 KiB +3.0 MiB +- +1m05s +12ms +\\{\"client\":\"c\"}");
  }

  @Test
  void showsRatesSinceTheSnapshotBefore() {
    StatusTable table = new StatusTable(10);
    table.show(snapshot(0, relay("r1", 0, 1024)));
    assertThat(table.show(snapshot(2_000_000_000, relay("r1", 1024, 4096))))
        .containsPattern("r1 +1.0 KiB +4.0 KiB +2.0 KiB/s");
  }

  @Test
  void showsNoMoreRelaysThanAskedFor() {
    RelayPage.Entry[] relays =
        IntStream.range(0, 5).mapToObj(i -> relay("r" + i, 0, 0)).toArray(RelayPage.Entry[]::new);
    assertThat(new StatusTable(2).show(snapshot(0, relays)))
        .contains("5 live relays, the oldest 2 of them", "r0 ", "r1 ")
        .doesNotContain("r2 ");
  }

  @Test
  void jsonHasTheNamesOfTheProtocol() {
    MessageWriter written = new MessageWriter();
    snapshot(0, relay("r1", 5, 6)).write(written);
    JsonObject json = new JsonObject(Buffer.buffer(written.bytes()));
    JsonObject relay = json.getJsonArray("relays").getJsonObject(0);
    assertThat(json.getJsonObject("stats")).isEqualTo(STATS);
    assertThat(relay.getJsonObject("bytes").getLong("aToB")).isEqualTo(5);
    assertThat(relay.getJsonObject("bytes").getLong("bToA")).isEqualTo(6);
    assertThat(relay.getLong("ageMs")).isEqualTo(65_000);
    assertThat(relay.getJsonObject("metadata").getString("client")).isEqualTo("c");
  }

  @Test
  void showsTunnelsWithWhatTheyDropped() {
    PacketCounts packets = new PacketCounts(1000, 900, Map.of("not-tcp", 3L, "malformed", 4L));
    TunnelPage.Entry tunnel =
        new TunnelPage.Entry("t1", 5, packets, 65_000, 12, RawJson.of("{\"tun\":\"x\"}"));
    TunnelSnapshot snapshot = new TunnelSnapshot(STATS, List.of(tunnel));
    MessageWriter written = new MessageWriter();
    snapshot.write("bumblebee", written);
    JsonObject json = new JsonObject(Buffer.buffer(written.bytes())).getJsonObject("bumblebee");

    assertThat(new StatusTable(10).show(snapshot))
        .contains("1 live tunnel\n")
        .containsPattern("t1 +5 +1000 +900 +7 +1m05s +12ms +\\{\"tun\":\"x\"}");
    JsonObject shown = json.getJsonArray("tunnels").getJsonObject(0);
    assertThat(shown.getJsonObject("packets").getJsonObject("dropped").getInteger("not-tcp"))
        .isEqualTo(3);
    assertThat(json.getJsonObject("stats")).isEqualTo(STATS);
  }

  @Test
  void showsSessionsWithWhatTheyDropped() {
    PacketCounts packets = new PacketCounts(1000, 900, Map.of("exhausted", 3L));
    SessionPage.Entry session =
        new SessionPage.Entry("s1", 5, packets, 65_000, 12, RawJson.of("7"));
    SessionSnapshot snapshot = new SessionSnapshot(STATS, List.of(session));
    MessageWriter written = new MessageWriter();
    snapshot.write("fish", written);
    JsonObject json = new JsonObject(Buffer.buffer(written.bytes())).getJsonObject("fish");

    assertThat(new StatusTable(10).show(snapshot))
        .containsPattern("SESSION +FLOWS +IN +OUT +DROPPED")
        .contains("1 live session\n")
        .containsPattern("s1 +5 +1000 +900 +3 +1m05s +12ms +7");
    JsonObject shown = json.getJsonArray("sessions").getJsonObject(0);
    assertThat(shown.getInteger("flows")).isEqualTo(5);
    assertThat(shown.getJsonObject("packets").getJsonObject("dropped").getInteger("exhausted"))
        .isEqualTo(3);
    assertThat(json.getJsonObject("stats")).isEqualTo(STATS);
  }

  private static Snapshot snapshot(long nanos, RelayPage.Entry... relays) {
    return new Snapshot(nanos, STATS, List.of(relays));
  }

  private static RelayPage.Entry relay(String id, long bytesAToB, long bytesBToA) {
    RawJson metadata = RawJson.of("{\"client\":\"c\"}");
    return new RelayPage.Entry(id, bytesAToB, bytesBToA, 65_000, 12, metadata);
  }
}

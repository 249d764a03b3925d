package dev.oxbow.handoff.upgrade;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.upgrade.UpgradeReport.Party;
import dev.oxbow.handoff.upgrade.UpgradeReport.ServiceReport;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class UpgradeReportTest {
  private static final Party OLD = new Party(10, "1.0");
  private static final double[] PAUSES = IntStream.rangeClosed(1, 200).asDoubleStream().toArray();

  private static JsonObject json(UpgradeReport report) {
    return new JsonObject(new String(report.write(new MessageWriter()).bytes(), UTF_8));
  }

  @Test
  void committedUpgradeTellsPausesAndPhases() {
    UpgradeReport report =
        new UpgradeReport(
            true,
            null,
            OLD,
            new Party(11, "2.0"),
            Map.of("splicer", new ServiceReport(Map.of("relays", 200L), 940, PAUSES)),
            Map.of("switch", 12.34567));
    JsonObject json = json(report);
    assertThat(json.getString("outcome")).isEqualTo("committed");
    assertThat(json.getValue("reason")).isNull();
    assertThat(json.getJsonObject("from")).isEqualTo(party(10, "1.0"));
    assertThat(json.getJsonObject("to")).isEqualTo(party(11, "2.0"));
    JsonObject splicer = json.getJsonObject("services").getJsonObject("splicer");
    assertThat(splicer.getInteger("relays")).isEqualTo(200);
    assertThat(splicer.getInteger("descriptors")).isEqualTo(940);
    JsonObject pause = splicer.getJsonObject("pauseMs");
    assertThat(pause.getDouble("p50")).isEqualTo(100);
    assertThat(pause.getDouble("p99")).isEqualTo(198);
    assertThat(pause.getDouble("max")).isEqualTo(200);
    assertThat(json.getJsonObject("phasesMs").getDouble("switch")).isEqualTo(12.346);
  }

  private static JsonObject party(long pid, String version) {
    return new JsonObject().put("pid", (int) pid).put("version", version);
  }

  @Test
  void upgradeThatNeverHadASuccessorTellsWhy() {
    UpgradeReport report =
        new UpgradeReport(
            false,
            "spawn: the successor ended with status 1",
            OLD,
            null,
            Map.of("splicer", new ServiceReport(Map.of("relays", 0L), 0, new double[0])),
            Map.of());
    JsonObject json = json(report);
    assertThat(json.getString("outcome")).isEqualTo("rolled-back");
    assertThat(json.getString("reason")).isEqualTo("spawn: the successor ended with status 1");
    assertThat(json.containsKey("to")).isTrue();
    assertThat(json.getValue("to")).isNull();
    JsonObject splicer = json.getJsonObject("services").getJsonObject("splicer");
    assertThat(splicer.getJsonObject("pauseMs").getDouble("max")).isZero();
  }

  @Test
  void savedReportReplacesTheOneBefore(@TempDir Path directory) throws Exception {
    for (int pid = 1; pid <= 3; pid++) {
      new UpgradeReport(true, null, new Party(pid, "1"), OLD, Map.of(), Map.of()).save(directory);
      String text = Files.readString(directory.resolve(UpgradeReport.FILE));
      assertThat(new JsonObject(text).getJsonObject("from").getInteger("pid")).isEqualTo(pid);
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).hasSize(1);
    }
  }
}

package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.MessageWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What became of an upgrade, as {@code handoff.json} and {@code oxbow upgrade} tell it.
 *
 * @param committed or else rolled back
 * @param reason why it was rolled back, or what happened on the way; null when all went well
 * @param from who served before
 * @param to who serves now, or was meant to; null when there never was one
 * @param services what each service handed over
 * @param phasesMs how long each stage took, by its name
 */
public record UpgradeReport(
    boolean committed,
    @Nullable String reason,
    Party from,
    @Nullable Party to,
    Map<String, ServiceReport> services,
    Map<String, Double> phasesMs) {

  /** Name of the file in the runtime directory. */
  public static final String FILE = "handoff.json";

  /** A process. */
  public record Party(long pid, String version) {}

  /**
   * One service's share.
   *
   * @param counts what it calls its work, and how much of it there was
   * @param descriptors that went over
   * @param pausesMs how long each flow was paused, sorted
   */
  public record ServiceReport(Map<String, Long> counts, int descriptors, double[] pausesMs) {

    /** The pause that a share of the flows did not exceed, 0 where there were none. */
    double pauseMs(double share) {
      int index = (int) Math.ceil(share * pausesMs.length) - 1;
      return pausesMs.length == 0 ? 0 : pausesMs[Math.max(0, index)];
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof ServiceReport report
          && counts.equals(report.counts)
          && descriptors == report.descriptors
          && Arrays.equals(pausesMs, report.pausesMs);
    }

    @Override
    public int hashCode() {
      return counts.hashCode() * 31 + descriptors;
    }

    @Override
    public String toString() {
      return counts + ", " + descriptors + " descriptors, " + pausesMs.length + " pauses";
    }
  }

  /** The report as JSON. */
  public MessageWriter write(MessageWriter out) {
    out.string("outcome", committed ? "committed" : "rolled-back").string("reason", reason);
    party(out.object("from"), from);
    if (to == null) {
      out.nothing("to");
    } else {
      party(out.object("to"), to);
    }
    out.object("services");
    new LinkedHashMap<>(services)
        .forEach(
            (name, service) -> {
              out.object(name);
              service.counts().forEach(out::number);
              out.number("descriptors", service.descriptors())
                  .object("pauseMs")
                  .number("p50", rounded(service.pauseMs(0.5)))
                  .number("p99", rounded(service.pauseMs(0.99)))
                  .number("max", rounded(service.pauseMs(1)))
                  .end()
                  .end();
            });
    out.end().object("phasesMs");
    phasesMs.forEach((stage, ms) -> out.number(stage, rounded(ms)));
    return out.end();
  }

  /**
   * Writes the report into a directory; whoever reads it sees this one or the one before.
   *
   * @throws IOException naming the file
   */
  public void save(Path directory) throws IOException {
    Path temporary = directory.resolve(FILE + "." + ProcessHandle.current().pid());
    Files.write(temporary, write(new MessageWriter()).bytes());
    Files.move(temporary, directory.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  private static void party(MessageWriter out, Party party) {
    out.number("pid", party.pid()).string("version", party.version()).end();
  }

  private static double rounded(double ms) {
    return Math.round(ms * 1000) / 1000.0;
  }
}

package dev.oxbow.app.demo;

import static java.util.Objects.requireNonNull;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.UpgradeReport;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * What became of one upgrade, from its report.
 *
 * @param what was replaced
 * @param committed or else rolled back
 * @param reason why it was rolled back; else empty
 * @param relays that changed hands
 * @param p99Ms how long a relay was paused, but for one in a hundred
 * @param maxMs how long the one that was paused longest
 * @param successor the pid of the process that was to take over
 */
record Upgrade(
    String what,
    boolean committed,
    String reason,
    long relays,
    double p99Ms,
    double maxMs,
    long successor) {
  private static final int PATIENCE_MS = 30_000;
  private static final long PUBLISHED_SECONDS = 5;

  /** Upgrades two processes at the same time, each asked through its runtime directory. */
  static List<Upgrade> atOnce(Child first, Path firstDir, Child second, Path secondDir)
      throws InterruptedException {
    CompletableFuture<Upgrade> other =
        CompletableFuture.supplyAsync(() -> ask(second.name(), secondDir));
    Upgrade one = ask(first.name(), firstDir);
    Upgrade two = other.join();
    follow(first, firstDir, one);
    follow(second, secondDir, two);
    return List.of(one, two);
  }

  private static Upgrade ask(String what, Path directory) {
    try {
      byte[] report = Upgrades.ask(directory.resolve(Plan.SOCKET), PATIENCE_MS);
      return of(what, Message.parse(report));
    } catch (IOException e) {
      throw new UncheckedIOException(what + " cannot be replaced", e);
    }
  }

  /** The report of the last upgrade is removed. */
  static void forget(Path directory) throws IOException {
    Files.deleteIfExists(directory.resolve(UpgradeReport.FILE));
  }

  /** The last upgrade as its report in the runtime directory tells, once it is there. */
  static Upgrade last(Child child, Path directory, long seconds)
      throws InterruptedException, IOException {
    Path report = directory.resolve(UpgradeReport.FILE);
    child.await("the report of the upgrade", seconds, () -> Files.exists(report));
    return of(child.name(), Message.parse(Files.readAllBytes(report)));
  }

  private static void follow(Child child, Path directory, Upgrade upgrade)
      throws InterruptedException {
    if (upgrade.committed) {
      child.replacedBy(upgrade.successor);
      child.await(
          "the pid of the successor",
          PUBLISHED_SECONDS,
          () -> RuntimeDirectory.ownerOf(directory).equals(Optional.of(upgrade.successor)));
    }
  }

  private static Upgrade of(String what, Message report) {
    if (report.has("refused")) {
      return new Upgrade(what, false, report.string("refused"), 0, 0, 0, 0);
    }
    Message to = report.object("to");
    Message splicer = requireNonNull(report.object("services")).object("splicer");
    Message pause = splicer == null ? null : splicer.object("pauseMs");
    return new Upgrade(
        what,
        report.string("outcome").equals("committed"),
        Objects.toString(report.string("reason", null), ""),
        splicer == null ? 0 : splicer.integer("relays", 0, Long.MAX_VALUE),
        pause == null ? 0 : pause.number("p99").doubleValue(),
        pause == null ? 0 : pause.number("max").doubleValue(),
        to == null ? 0 : to.integer("pid", 1, Integer.MAX_VALUE));
  }

  /** It in one line. */
  String sentence() {
    if (!committed) {
      return what + " goes on: " + reason;
    }
    String moved =
        relays == 0
            ? ""
            : String.format(
                Locale.ROOT, ": %d relays moved, paused %.1f ms at most", relays, maxMs);
    return what + " replaced by pid " + successor + moved;
  }
}

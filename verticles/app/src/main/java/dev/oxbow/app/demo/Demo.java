package dev.oxbow.app.demo;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.codecs.control.MessageWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The whole play: what must be there, stage, scenario, verdict; then everything is undone. */
final class Demo {
  private static final Logger log = LoggerFactory.getLogger(Demo.class);
  private static final int LAST_LINES = 8;

  /** What came out. */
  record Outcome(List<Proof> proofs, double seconds, long bytes, int connections, String trouble) {
    boolean ok() {
      return trouble.isEmpty() && proofs.stream().allMatch(Proof::held);
    }

    /** Something that could be seen did not hold. */
    boolean broken() {
      return !trouble.isEmpty()
          || proofs.stream().anyMatch(proof -> proof.shown() && !proof.held());
    }

    int status() {
      return broken() ? ExitStatus.FAILED : ok() ? ExitStatus.OK : ExitStatus.USAGE;
    }
  }

  private Demo() {}

  /**
   * Plays it and prints the result to standard output. Blocks.
   *
   * @param pair the one with two nodes instead of the other
   * @return the exit status
   */
  static int run(boolean json, boolean keepLogs, boolean pair) {
    Outcome outcome;
    try (Progress progress = Progress.onStandardError();
        Cleanup cleanup = new Cleanup()) {
      Path ip = Prerequisites.findIp(progress);
      Path folder = Folder.make(cleanup, keepLogs);
      Reaper.start(ip, keepLogs ? null : folder);
      if (keepLogs) {
        progress.say("logs stay in " + folder);
      }
      outcome = play(pair, ip, folder, cleanup, progress);
    } catch (MissingException e) {
      System.err.println("oxbow: " + e.getMessage());
      return ExitStatus.USAGE;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ExitStatus.FAILED;
    } catch (IOException e) {
      System.err.println("oxbow: " + e);
      return ExitStatus.FAILED;
    }
    return tell(outcome, json, System.out);
  }

  private static Outcome play(
      boolean pair, Path ip, Path folder, Cleanup cleanup, Progress progress)
      throws InterruptedException {
    try {
      if (pair) {
        PairOutcome seen = PairAct.play(ip, folder, cleanup, progress);
        progress.say("done");
        return new Outcome(
            seen.proofs(), progress.seconds(), seen.bytesMoved(), seen.connections(), "");
      }
      Stage stage = Stage.set(ip, folder, cleanup, progress);
      Verdict verdict = Scenario.play(stage, progress);
      progress.say("done");
      return new Outcome(
          verdict.proofs(), progress.seconds(), verdict.bytesMoved(), verdict.connections(), "");
    } catch (MissingException | InterruptedException e) {
      throw e;
    } catch (Exception e) {
      log.debug("the demo broke off", e);
      String trouble = "The demo broke off: " + e.getMessage() + lastWords(folder);
      return new Outcome(List.of(), progress.seconds(), 0, 0, trouble);
    }
  }

  /** Prints it; the exit status. */
  static int tell(Outcome outcome, boolean json, PrintStream out) {
    out.println(json ? json(outcome) : text(outcome));
    out.flush();
    return outcome.status();
  }

  private static String text(Outcome outcome) {
    StringBuilder text = new StringBuilder();
    for (Proof proof : outcome.proofs()) {
      text.append(String.format("%n  %s %s", word(proof), proof.promise()))
          .append(String.format("%n          %s", proof.evidence()));
    }
    text.append(outcome.proofs().isEmpty() ? "" : "\n");
    if (!outcome.trouble().isEmpty()) {
      return text.append('\n').append(outcome.trouble()).toString();
    }
    long held = outcome.proofs().stream().filter(Proof::held).count();
    return text.append(
            String.format(
                Locale.ROOT,
                "%n%d of %d promises held, in %.1f s.",
                held,
                outcome.proofs().size(),
                outcome.seconds()))
        .toString();
  }

  private static String word(Proof proof) {
    if (!proof.shown()) {
      return "MISSING";
    }
    return proof.held() ? "held   " : "BROKEN ";
  }

  private static String json(Outcome outcome) {
    MessageWriter json =
        new MessageWriter()
            .flag("ok", outcome.ok())
            .number("seconds", Math.round(outcome.seconds() * 10) / 10.0)
            .number("bytes", outcome.bytes())
            .number("connections", outcome.connections());
    if (!outcome.trouble().isEmpty()) {
      json.string("trouble", outcome.trouble());
    }
    json.array("proofs");
    for (Proof proof : outcome.proofs()) {
      json.element()
          .string("name", proof.name())
          .string("promise", proof.promise())
          .flag("held", proof.held())
          .flag("shown", proof.shown())
          .string("evidence", proof.evidence())
          .end();
    }
    return new String(json.endArray().bytes(), StandardCharsets.UTF_8);
  }

  /** The last lines of every log, before they are removed. */
  private static String lastWords(Path folder) {
    StringBuilder words = new StringBuilder();
    try (var files = Files.list(folder)) {
      List<Path> logs =
          new ArrayList<>(files.filter(f -> f.toString().endsWith(".log")).sorted().toList());
      for (Path file : logs) {
        List<String> lines = Files.readAllLines(file);
        for (String line : lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size())) {
          words.append("\n  ").append(file.getFileName()).append(": ").append(line);
        }
      }
    } catch (IOException e) {
      words.append("\n  logs cannot be read: ").append(e.getMessage());
    }
    return words.toString();
  }
}

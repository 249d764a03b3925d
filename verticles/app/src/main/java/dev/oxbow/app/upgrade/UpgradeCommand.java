package dev.oxbow.app.upgrade;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.console.TextTable;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Upgrades;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code oxbow upgrade}. */
@Command(
    name = "upgrade",
    mixinStandardHelpOptions = true,
    description = {
      "Replaces a process that serves by the next one, without losing a connection, and prints the"
          + " report.",
      "The same as SIGHUP, but waits for the end. What is started is handoff.command of the"
          + " configuration; by default the command that started the process, so a jar that was"
          + " replaced is the next version. If anything goes wrong the old process serves on."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:Committed: the new process serves.",
      "1:Rolled back, or nobody could be asked: what served before serves on."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow upgrade",
      "  oxbow upgrade --pid $(pgrep -of 'oxbow.* forward --listen 8080')",
      "  oxbow upgrade --runtime-dir /run/oxbow-test --json"
    })
public final class UpgradeCommand implements Callable<Integer> {

  /** A day: longer than any deadlines that can be configured take together. */
  private static final int MAX_TIMEOUT_SECONDS = 86_400;

  /** It takes some ten milliseconds; another upgrade may have followed, or the process ended. */
  private static final long PUBLISHED_NANOS = 2_000_000_000;

  private static final long PAUSE_NANOS = 2_000_000;

  @Spec private @Nullable CommandSpec spec;

  @ArgGroup private Which which = new Which();

  /** One of the two, or neither. */
  private static final class Which {
    @Option(
        names = "--runtime-dir",
        paramLabel = "DIR",
        description = "Where the process to be replaced serves. Default: /run/oxbow.")
    private Path runtimeDir = Path.of("/run/oxbow");

    @Option(
        names = "--pid",
        paramLabel = "PID",
        description = "The process to be replaced, such as a gateway without --runtime-dir.")
    private long pid;
  }

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "60",
      description = "How long to wait for the end, 1 to 86400. Default: ${DEFAULT-VALUE}.")
  private int timeoutSeconds = 60;

  @Option(names = "--json", description = "Prints the report as JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS) {
      throw new ParameterException(
          Objects.requireNonNull(spec).commandLine(),
          "--timeout is " + timeoutSeconds + "; expected 1 to " + MAX_TIMEOUT_SECONDS + ".");
    }
    byte[] answer;
    Path socket;
    try {
      socket =
          which.pid == 0 ? which.runtimeDir.resolve(Plan.SOCKET) : HandoffSockets.of(which.pid);
      answer = Upgrades.ask(socket, timeoutSeconds * 1000);
    } catch (IOException e) {
      err().println("oxbow: nobody there to be upgraded: " + e.getMessage());
      return ExitStatus.FAILED;
    }
    Message report = Message.parse(answer);
    if (report.has("refused")) {
      err().println("oxbow: " + report.string("refused"));
      return ExitStatus.FAILED;
    }
    boolean committed = report.string("outcome").equals("committed");
    if (committed) {
      awaitPublished(
          socket.resolveSibling(RuntimeDirectory.PID_FILE),
          Objects.requireNonNull(report.object("to")).integer("pid", 1, Integer.MAX_VALUE));
    }
    if (json) {
      out().println(new String(answer, StandardCharsets.UTF_8));
    } else {
      print(report);
    }
    return committed ? ExitStatus.OK : ExitStatus.FAILED;
  }

  /**
   * The successor writes its pid a moment after the commit: whoever reads the file next is to find
   * it there.
   */
  private static void awaitPublished(Path file, long pid) throws IOException {
    long since = System.nanoTime();
    while (Files.exists(file)
        && !Files.readString(file).strip().equals(Long.toString(pid))
        && System.nanoTime() - since < PUBLISHED_NANOS) {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private void print(Message report) {
    String reason = report.string("reason", null);
    out().println(report.string("outcome") + (reason == null ? "" : ": " + reason));
    party("from", report.object("from"));
    party("to", report.object("to"));
    Message services = Objects.requireNonNull(report.object("services"));
    TextTable table =
        new TextTable("lrrrr").row("service", "descriptors", "pause ms p50", "p99", "max");
    for (String name : services.names()) {
      Message service = Objects.requireNonNull(services.object(name));
      Message pause = Objects.requireNonNull(service.object("pauseMs"));
      table.row(
          name,
          service.number("descriptors").toString(),
          pause.number("p50").toString(),
          pause.number("p99").toString(),
          pause.number("max").toString());
    }
    out().print(table);
    out().flush();
  }

  private void party(String name, @Nullable Message party) {
    if (party != null) {
      out()
          .println(
              "  " + name + " pid " + party.number("pid") + ", version " + party.string("version"));
    }
  }

  private PrintWriter out() {
    return Objects.requireNonNull(spec).commandLine().getOut();
  }

  private PrintWriter err() {
    return Objects.requireNonNull(spec).commandLine().getErr();
  }
}

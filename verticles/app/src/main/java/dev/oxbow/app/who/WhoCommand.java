package dev.oxbow.app.who;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.console.LogOptions;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fish.attribution.PortHistory;
import dev.oxbow.fish.attribution.PortHistory.Question;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code oxbow who}. */
@Command(
    name = "who",
    mixinStandardHelpOptions = true,
    description = {
      "Says who had a port of a shared address at a time, from the log of Fish"
          + " (fish.logDirectory). Reads files only: no service needs to run.",
      "The log has blocks of ports, and a port may serve several clients at once, toward different"
          + " destinations: the answer is all who may have sent the packet."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:Somebody had it.", "1:Nobody, or the log cannot be read.", "2:Arguments."},
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow who --log /var/log/oxbow --address 203.0.113.7 --port 20001 \\",
      "    --protocol udp --at 2026-11-28T07:00:00Z"
    })
public final class WhoCommand implements Callable<Integer> {
  private static final int MAX_PORT = 0xffff;
  private static final Set<String> PROTOCOLS = Set.of("tcp", "udp", "icmp");

  @Spec private CommandLine.Model.@Nullable CommandSpec spec;

  @ArgGroup(multiplicity = "1")
  private Where where = new Where();

  @Option(
      names = "--address",
      required = true,
      paramLabel = "ADDRESS",
      description = "The shared address, IPv4 or IPv6.")
  private String address = "";

  @Option(
      names = "--port",
      required = true,
      paramLabel = "N",
      description = "The port that the packet came from; for a ping, its id.")
  private int port;

  @Option(
      names = "--protocol",
      paramLabel = "NAME",
      description = "tcp, udp or icmp (default: all of them).")
  private @Nullable String protocol;

  @Option(
      names = "--at",
      paramLabel = "TIME",
      description = "When, in UTC, such as 2026-11-28T07:00:00Z (default: now).")
  private @Nullable String at;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private LogOptions logging = new LogOptions();

  /** Where the log is; one or the other. */
  static final class Where {
    @Option(names = "--config", paramLabel = "FILE", description = "The service's configuration.")
    private @Nullable Path config;

    @Option(names = "--log", paramLabel = "DIR", description = "The directory of the log.")
    private @Nullable Path log;
  }

  @Override
  public Integer call() {
    logging.apply();
    Question question = question();
    Path directory = directory();
    try {
      PortHistory.Answer answer = PortHistory.who(directory, question);
      System.out.print(json ? WhoReport.json(answer) + "\n" : WhoReport.text(question, answer));
      return answer.holders().isEmpty() ? ExitStatus.FAILED : ExitStatus.OK;
    } catch (IOException e) {
      throw new StartException("The log in " + directory + " cannot be read: " + e, e);
    }
  }

  private Question question() {
    if (port < 0 || port > MAX_PORT) {
      throw wrong("--port is " + port + "; expected 0 to 65535.");
    }
    String name = protocol;
    if (name != null && !PROTOCOLS.contains(name)) {
      throw wrong("--protocol is " + name + "; expected tcp, udp or icmp.");
    }
    try {
      Prefix host = Prefix.parse(address);
      Instant when = at == null ? Instant.now() : Instant.parse(at);
      return new Question(Prefix.text(host.high(), host.low()), port, protocol, when);
    } catch (DateTimeParseException e) {
      throw wrong("--at is " + at + "; expected such as 2026-11-28T07:00:00Z.");
    } catch (IllegalArgumentException e) {
      throw wrong("--address: " + e.getMessage() + ".");
    }
  }

  private Path directory() {
    Path log = where.log;
    if (log != null) {
      return log;
    }
    Path config = where.config;
    FishOptions fish = config == null ? null : OxbowConfig.load(config).getFish();
    String configured = fish == null ? null : fish.getLogDirectory();
    if (configured == null) {
      throw new StartException(config + " has no fish.logDirectory: nothing was logged.");
    }
    return Path.of(configured);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(
        spec == null ? new CommandLine(this) : spec.commandLine(), message);
  }
}

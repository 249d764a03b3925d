package dev.oxbow.app.status;

import dev.oxbow.app.console.LogOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code oxbow status}. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = {
      "Shows counters, live relays, tunnels and sessions of the services in a runtimeDir.",
      "Root sees those of everybody, others those of their own --app."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:The service answered.", "1:It did not.", "2:Wrong arguments."},
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow status",
      "  oxbow status --config /etc/oxbow/oxbow.yaml --watch",
      "  oxbow status --runtime-dir /tmp/oxbow --json | jq .relays[].bytes"
    })
public final class StatusCommand implements Callable<Integer> {

  @Spec private CommandLine.Model.@Nullable CommandSpec spec;

  @ArgGroup private Where where = new Where();

  @Option(
      names = "--json",
      description = "Print one JSON object: stats and relays; bumblebee; fish.")
  private boolean json;

  @Option(names = "--watch", description = "Show it again each second, with rates, until ^C.")
  private boolean watch;

  @Option(
      names = "--app",
      paramLabel = "NAME",
      defaultValue = "status",
      description = {
        "Whose relays to show, unless root asks (default: ${DEFAULT-VALUE}).",
        "The newest connection of an app gets its reports: never name that of a live proxy."
      })
  private String app = "status";

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "20",
      description = "Relays, tunnels and sessions to show as a table (default: ${DEFAULT-VALUE}).")
  private int limit = 20;

  @Mixin private LogOptions logging = new LogOptions();

  /** Where the service is; one or the other. */
  static final class Where {
    @Option(names = "--config", paramLabel = "FILE", description = "The service's configuration.")
    private @Nullable Path config;

    @Option(
        names = "--runtime-dir",
        paramLabel = "DIR",
        description = "The service's runtimeDir (default: /run/oxbow).")
    private @Nullable Path runtimeDir;
  }

  @Override
  public Integer call() throws Exception {
    logging.apply();
    if (limit < 0) {
      CommandLine command = spec == null ? new CommandLine(this) : spec.commandLine();
      throw new ParameterException(command, "--limit is " + limit + "; it cannot be negative.");
    }
    return Status.show(where.config, where.runtimeDir, app, new Status.View(json, watch, limit));
  }
}

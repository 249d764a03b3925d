package dev.oxbow.app.check;

import dev.oxbow.app.console.LogOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code oxbow check}. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    description = {
      "Looks at a configuration and at this machine, and says what is missing and how to get it.",
      "Changes nothing."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:Oxbow can start, or is alive and can be upgraded.",
      "1:Something is missing that it cannot start without.",
      "2:The configuration cannot be used."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  oxbow check", "  oxbow check --config /etc/oxbow/oxbow.yaml --json"})
public final class CheckCommand implements Callable<Integer> {

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "The configuration; otherwise the defaults are assumed.")
  private @Nullable Path config;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() {
    logging.apply();
    CheckReport report = CheckReport.of(config);
    System.out.print(json ? report.json() + "\n" : report.text());
    return report.exitStatus();
  }
}

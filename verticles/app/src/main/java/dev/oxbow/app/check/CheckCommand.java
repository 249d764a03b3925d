package dev.oxbow.app.check;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.console.LogOptions;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.service.runtime.StartException;
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
      "Changes nothing. With --rules it prints what Fish would load into nftables, and no more."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:Oxbow can start, or is alive and can be upgraded.",
      "1:Something is missing that it cannot start without.",
      "2:The configuration cannot be used."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow check",
      "  oxbow check --config /etc/oxbow/oxbow.yaml --json",
      "  oxbow check --config /etc/oxbow/oxbow.yaml --rules | nft -c -f -"
    })
public final class CheckCommand implements Callable<Integer> {

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "The configuration; otherwise the defaults are assumed.")
  private @Nullable Path config;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Option(
      names = "--rules",
      description = "Print the rules of nftables that Fish would load here, for nft -f.")
  private boolean rules;

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() {
    logging.apply();
    if (rules) {
      System.out.print(rules());
      return ExitStatus.OK;
    }
    CheckReport report = CheckReport.of(config);
    System.out.print(json ? report.json() + "\n" : report.text());
    return report.exitStatus();
  }

  private String rules() {
    OxbowOptions options = config == null ? null : OxbowConfig.load(config);
    FishOptions fish = options == null ? null : options.getFish();
    if (options == null || fish == null) {
      throw new StartException("--rules needs a --config FILE that has the section fish.");
    }
    return FishTrial.rules(fish);
  }
}

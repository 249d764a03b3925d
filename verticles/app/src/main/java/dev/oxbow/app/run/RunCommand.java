package dev.oxbow.app.run;

import dev.oxbow.app.console.LogOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code oxbow run}. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = {
      "Runs the services that the configuration switches on, in the foreground.",
      "Logs to standard error. SIGTERM and SIGINT stop in order: relays and tunnels end as"
          + " aborted, and sockets and flows go back to the proxies they belong to. SIGHUP"
          + " replaces the process by the next one, as oxbow upgrade does."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:Stopped in order.",
      "1:Could not start, or could not stop in order; one sentence says why.",
      "2:The configuration cannot be used; one line for each problem."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow run --config /etc/oxbow/oxbow.yaml",
      "",
      "  A configuration that switches Splicer on, all else at its default:",
      "    runtimeDir: /run/oxbow",
      "    splicer: {}"
    })
public final class RunCommand implements Callable<Integer> {

  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description = "The configuration, a YAML file.")
  private Path config = Path.of("oxbow.yaml");

  @Option(
      names = "--take-over",
      description = {
        "Takes over from the process that serves in the runtime directory, without losing a"
            + " connection. Its uid must be root's or the same. With nobody there it fails.",
        "SIGHUP and oxbow upgrade do the same from the other side."
      })
  private boolean takeOver;

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() throws Exception {
    logging.apply();
    return ServiceProcess.run(config, takeOver);
  }
}

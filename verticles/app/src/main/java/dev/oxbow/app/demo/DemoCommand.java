package dev.oxbow.app.demo;

import dev.oxbow.app.console.LogOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code oxbow demo}. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Shows the services at work and checks that they keep their promises.",
      "In network namespaces of its own it starts a service, a forwarder, an HTTP origin and"
          + " clients; replaces service and forwarder while they work, and kills one successor"
          + " half-way; kills the forwarder and starts another; and compares every byte by its"
          + " hash. Two tenants with equal addresses, whose only way out is a gateway, download"
          + " meanwhile. Takes less than half a minute, and leaves nothing behind.",
      "Needs root, and the program ip (Debian: iproute2). Uses nginx and curl where they are;"
          + " goes without the gateway where there is no curl, no tun or no IPv6."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:All of it held.",
      "1:Something did not hold; the table says what.",
      "2:This machine lacks something; the message says what and how to get it."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  oxbow demo", "  oxbow demo --json | jq .proofs"})
public final class DemoCommand implements Callable<Integer> {

  @Option(names = "--json", description = "Print the result as one JSON object.")
  private boolean json;

  @Option(names = "--keep-logs", description = "Leave the folder with configuration and logs.")
  private boolean keepLogs;

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() {
    logging.apply();
    return Demo.run(json, keepLogs);
  }
}

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
          + " hash.",
      "Two tenants with equal addresses, whose only way out is a gateway, download meanwhile, and"
          + " send datagrams that leave from a slice of one shared address, which is captured. The"
          + " gateway is replaced, too; a successor of it is killed, and it itself.",
      "With --pair: two nodes with a Fish each and the same addresses. A client downloads and chats"
          + " through the first one, which is killed with all its processes; the other goes on, and"
          + " how long nothing came is measured.",
      "Takes about half a minute, and leaves nothing behind.",
      "Needs root, and the programs ip, curl, nft and tcpdump (Debian: iproute2, curl, nftables,"
          + " tcpdump); without one of the last three the rest is shown, and the exit status is 2."
          + " --pair needs ip and nft only."
          + " Uses nginx where it is."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:All of it held.",
      "1:Something did not hold; the table says what.",
      "2:This machine lacks something; table or message say what and how to get it."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  oxbow demo", "  oxbow demo --pair", "  oxbow demo --json | jq .proofs"})
public final class DemoCommand implements Callable<Integer> {

  @Option(names = "--pair", description = "Show a pair of Fish, of which one is killed.")
  private boolean pair;

  @Option(names = "--json", description = "Print the result as one JSON object.")
  private boolean json;

  @Option(names = "--keep-logs", description = "Leave the folder with configuration and logs.")
  private boolean keepLogs;

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() {
    logging.apply();
    return Demo.run(json, keepLogs, pair);
  }
}

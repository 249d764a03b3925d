package dev.oxbow.app.gateway;

import dev.oxbow.app.console.LogOptions;
import dev.oxbow.app.forward.ConnectionOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code oxbow gateway}. */
@Command(
    name = "gateway",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Carries the TCP connections that are routed into a tun to their destinations.",
      "Bumblebee makes sockets of the packets, the gateway connects to where each wants to go, and"
          + " Splicer relays, without copying a byte. When a destination refuses, the client is"
          + " reset.",
      "What is not TCP leaves by Fish, from the addresses and ports of --egress; without that it is"
          + " dropped, and a line now and then says how much.",
      "The destination is reached by the routes of the gateway's own namespace: put the tun into"
          + " another one (--netns), or see to it that no route leads back into the tun.",
      "Needs Linux 6.4 or newer, CAP_NET_ADMIN and CAP_SYS_ADMIN; oxbow check tries it all.",
      "Bumblebee, Splicer and Fish run in this process, or in others: with --bumblebee, --splicer"
          + " and --fish tuns and relays outlive this process, and the next gateway of the same"
          + " --app goes on with them.",
      "SIGHUP and oxbow upgrade replace the process by the next one, either way: tuns and"
          + " connections go on, nobody is refused, and each is logged once.",
      "Standard output gets one line per connection when it has ended, as with oxbow forward."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:Stopped by SIGTERM or SIGINT.",
      "1:Could not start, or a tun is gone.",
      "2:Wrong arguments."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  ip netns add tenant",
      "  oxbow gateway --tun tun0 --netns /run/netns/tenant \\",
      "    --address 10.7.0.2/24 --address fd00:7::2/64",
      "  ip -n tenant route add default dev tun0",
      "  ip netns exec tenant curl http://192.0.2.10/",
      "",
      "  oxbow gateway --tun tun0 --netns /run/netns/a --tun tun0 --netns /run/netns/b \\",
      "    --bumblebee /run/oxbow/bumblebee.sock --splicer /run/oxbow/splicer.sock",
      "  oxbow upgrade --pid $(pgrep -of 'oxbow.* gateway --tun tun0')"
    })
public final class GatewayCommand implements Callable<Integer> {
  private static final int LEAST_MTU = 576;
  private static final int MOST_MTU = 65_535;

  @Spec private @Nullable CommandSpec spec;

  @ArgGroup(exclusive = false, multiplicity = "1..*", heading = "%nEach tun:%n")
  private List<TunOptions> tuns = new ArrayList<>();

  @Option(
      names = "--bumblebee",
      paramLabel = "SOCKET",
      description = "Control socket of a running service, such as /run/oxbow/bumblebee.sock.")
  private @Nullable Path bumblebee;

  @Option(
      names = "--fish",
      paramLabel = "SOCKET",
      description = {
        "Control socket of a running service that grants what --egress names, such as"
            + " /run/oxbow/fish.sock. Without it one is embedded, in this network namespace."
      })
  private @Nullable Path fish;

  @Option(
      names = "--app",
      paramLabel = "NAME",
      defaultValue = "gateway",
      description = "Names the mailboxes at the services (default: ${DEFAULT-VALUE}).")
  private String app = "gateway";

  @Mixin private ConnectionOptions connections = new ConnectionOptions();

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() throws Exception {
    logging.apply();
    for (TunOptions tun : tuns) {
      if (tun.mtu() < LEAST_MTU || tun.mtu() > MOST_MTU) {
        throw wrong("--mtu is " + tun.mtu() + "; expected 576 to 65535.");
      }
    }
    for (TunOptions tun : tuns) {
      String problem = tun.problem();
      if (problem != null) {
        throw wrong(problem + ".");
      }
    }
    if (fish != null && tuns.stream().allMatch(tun -> tun.egress().isEmpty())) {
      throw wrong("--fish needs an --egress.");
    }
    if (tuns.stream().map(TunOptions::label).distinct().count() < tuns.size()) {
      throw wrong("--tun is given twice for the same namespace.");
    }
    List<String> names =
        tuns.stream().filter(tun -> !tun.egress().isEmpty()).map(TunOptions::resume).toList();
    if (names.stream().distinct().count() < names.size()) {
      throw wrong("--resume is the same for two tuns.");
    }
    ConnectionOptions.requireApp(command(), app);
    return GatewayProcess.run(
        new GatewayProcess.Plan(
            tuns,
            bumblebee,
            connections.splicer(),
            fish,
            app,
            connections.limits(),
            connections.connectTimeoutMs(),
            connections.logFormat(),
            connections.runtimeDir()));
  }

  private CommandSpec command() {
    return spec == null ? new CommandLine(this).getCommandSpec() : spec;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command().commandLine(), message);
  }
}

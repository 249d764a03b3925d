package dev.oxbow.app.forward;

import dev.oxbow.app.console.LogOptions;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code oxbow forward}. */
@Command(
    name = "forward",
    mixinStandardHelpOptions = true,
    description = {
      "Forwards TCP connections through Splicer, without copying a byte.",
      "Without --splicer the Splicer runs in this process. With it, relays outlive this process:"
          + " the next forwarder of the same --app logs how those of its predecessor ended.",
      "SIGHUP and oxbow upgrade replace the process by the next one: no connection is refused or"
          + " lost, live ones go on, and each is logged once.",
      "Standard output gets one line per connection when it has ended: addresses, bytes, duration,"
          + " reason, round-trip time and retransmits of both sides."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {"0:Stopped by SIGTERM or SIGINT.", "1:Could not start.", "2:Wrong arguments."},
    footerHeading = "%nExamples:%n",
    footer = {
      "  oxbow forward --listen 8080 --to 192.0.2.10:80",
      "  oxbow forward --listen [::1]:8443 --to example.org:443 --idle-timeout 5m",
      "  oxbow forward --listen :25 --to mail:25 --app mail \\",
      "    --splicer /run/oxbow/splicer.sock",
      "  oxbow forward --listen 80 --to web:80 --listen 443 --to web:443"
    })
public final class ForwardCommand implements Callable<Integer> {
  private static final String ADDRESS = "ADDR";

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--listen",
      required = true,
      paramLabel = ADDRESS,
      converter = Address.Converter.class,
      description = "Where to listen: host:port, [IPv6]:port, :port or port. May be repeated.")
  private List<Address> listen = List.of();

  @Option(
      names = "--to",
      required = true,
      paramLabel = ADDRESS,
      converter = Address.Converter.class,
      description =
          "Where connections go. The first --to belongs to the first --listen, and so on.")
  private List<Address> to = List.of();

  @Option(
      names = "--app",
      paramLabel = "NAME",
      defaultValue = "forward",
      description = "Names the mailbox at --splicer (default: ${DEFAULT-VALUE}).")
  private String app = "forward";

  @Mixin private ConnectionOptions connections = new ConnectionOptions();

  @Mixin private LogOptions logging = new LogOptions();

  @Override
  public Integer call() throws Exception {
    logging.apply();
    if (listen.size() != to.size()) {
      throw wrong("--listen and --to must be given equally often.");
    }
    ConnectionOptions.requireApp(command(), app);
    return ForwardProcess.run(
        new ForwardProcess.Plan(
            listen,
            to,
            connections.splicer(),
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

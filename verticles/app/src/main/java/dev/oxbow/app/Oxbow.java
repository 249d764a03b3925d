package dev.oxbow.app;

import dev.oxbow.app.check.CheckCommand;
import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.app.demo.DemoCommand;
import dev.oxbow.app.demo.client.ClientCommand;
import dev.oxbow.app.demo.origin.OriginCommand;
import dev.oxbow.app.forward.ForwardCommand;
import dev.oxbow.app.gateway.GatewayCommand;
import dev.oxbow.app.run.RehearseCommand;
import dev.oxbow.app.run.RunCommand;
import dev.oxbow.app.status.StatusCommand;
import dev.oxbow.app.upgrade.UpgradeCommand;
import dev.oxbow.app.who.WhoCommand;
import dev.oxbow.config.ConfigException;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.runtime.Version;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The program {@code oxbow}. */
@Command(
    name = "oxbow",
    mixinStandardHelpOptions = true,
    versionProvider = Oxbow.ProgramVersion.class,
    synopsisSubcommandLabel = "COMMAND",
    description = {
      "Socket services for proxies that can be replaced while they work.",
      "Splicer takes two connected sockets from a proxy, relays between them without copying,"
          + " and gives both back with a report.",
      "Bumblebee takes a socket or tun that carries IP packets, and gives back one TCP socket for"
          + " each TCP connection in them."
    },
    commandListHeading = "%nCommands:%n",
    footerHeading = "%nFirst steps:%n",
    footer = {
      "  oxbow demo                         see it work, in namespaces of its own",
      "  oxbow check                        what this machine lacks, if anything",
      "  oxbow forward --listen 8080 --to example.org:80",
      "  oxbow gateway --tun tun0 --netns /run/netns/tenant",
      "  oxbow run --config oxbow.yaml      serve other processes",
      "",
      "oxbow COMMAND --help tells more."
    },
    subcommands = {
      RunCommand.class,
      CheckCommand.class,
      StatusCommand.class,
      WhoCommand.class,
      UpgradeCommand.class,
      ForwardCommand.class,
      GatewayCommand.class,
      DemoCommand.class,
      RehearseCommand.class,
      ClientCommand.class,
      OriginCommand.class
    })
public final class Oxbow implements Runnable {

  @CommandLine.Spec private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  /** The whole command line, ready to parse. */
  static CommandLine commandLine() {
    return new CommandLine(new Oxbow())
        .setUsageHelpAutoWidth(true)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Oxbow::wrongArguments)
        .setExecutionExceptionHandler(Oxbow::failed);
  }

  /** Without a command: says what there is. */
  @Override
  public void run() {
    if (spec != null) {
      throw new ParameterException(spec.commandLine(), "Missing command.");
    }
  }

  private static int wrongArguments(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("oxbow: " + e.getMessage());
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
    return ExitStatus.USAGE;
  }

  private static int failed(Exception e, CommandLine command, ParseResult result) throws Exception {
    PrintWriter err = command.getErr();
    if (e instanceof ConfigException) {
      err.println(e.getMessage());
      return ExitStatus.USAGE;
    }
    if (e instanceof StartException) {
      err.println("oxbow: " + e.getMessage());
      return ExitStatus.FAILED;
    }
    // A defect: picocli prints the stack trace.
    throw e;
  }

  /** The version as the jar knows it. */
  static final class ProgramVersion implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"oxbow " + Version.current()};
    }
  }
}

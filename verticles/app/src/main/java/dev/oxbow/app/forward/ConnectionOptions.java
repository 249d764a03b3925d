package dev.oxbow.app.forward;

import dev.oxbow.app.console.Units;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** How each connection is made, relayed and logged: of all commands that carry connections. */
public final class ConnectionOptions {

  @Option(
      names = "--splicer",
      paramLabel = "SOCKET",
      description = "Control socket of a running service, such as /run/oxbow/splicer.sock.")
  private @Nullable Path splicer;

  @Option(
      names = "--runtime-dir",
      paramLabel = "DIR",
      description = {
        "Where it takes requests for an upgrade, and leaves its pid and the last report.",
        "Default: a directory of its own, which oxbow upgrade --pid finds."
      })
  private @Nullable Path runtimeDir;

  @Option(
      names = "--connect-timeout",
      paramLabel = "DURATION",
      defaultValue = "10s",
      converter = Units.Milliseconds.class,
      description = "How long to wait for where it goes (default: ${DEFAULT-VALUE}).")
  private long connectTimeoutMs;

  @Option(
      names = "--log-format",
      paramLabel = "text|json",
      defaultValue = "text",
      description = "How the lines per connection look (default: ${DEFAULT-VALUE}).")
  private LogFormat logFormat = LogFormat.TEXT;

  @ArgGroup(validate = false, heading = "%nLimits of each connection:%n")
  private ForwardLimits limits = new ForwardLimits();

  /** A control socket; null to embed a Splicer. */
  public @Nullable Path splicer() {
    return splicer;
  }

  /** Where it is asked to let itself be replaced; null for a directory of its own. */
  public @Nullable Path runtimeDir() {
    return runtimeDir;
  }

  /** How long to wait for where a connection goes. */
  public long connectTimeoutMs() {
    return connectTimeoutMs;
  }

  /** How the lines per connection look. */
  public LogFormat logFormat() {
    return logFormat;
  }

  /** The limits of each connection. */
  public ForwardLimits limits() {
    return limits;
  }

  /** Fails unless a mailbox may be named so. */
  public static void requireApp(CommandSpec command, String app) {
    if (!app.matches("[A-Za-z0-9._-]{1,64}")) {
      throw new ParameterException(
          command.commandLine(), "--app has 1 to 64 letters, digits, dots, dashes or underscores.");
    }
  }
}

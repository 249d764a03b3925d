package dev.oxbow.app.console;

import picocli.CommandLine.Option;

/**
 * The switch for more log lines. It takes effect only before the first logger is made, so commands
 * apply it first of all.
 */
public final class LogOptions {

  /** Environment variable and system property that logback.xml takes the level from. */
  private static final String LEVEL = "OXBOW_LOG";

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more; twice for everything. The variable OXBOW_LOG names a level, too.")
  private boolean[] verbose = {};

  /** Sets the level for the loggers that will be made. */
  public void apply() {
    if (verbose.length > 0) {
      System.setProperty(LEVEL, verbose.length == 1 ? "DEBUG" : "TRACE");
    }
  }
}

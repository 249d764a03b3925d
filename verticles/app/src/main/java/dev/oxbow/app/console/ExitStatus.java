package dev.oxbow.app.console;

/** Exit statuses of the program. */
public final class ExitStatus {

  /** All went well. */
  public static final int OK = 0;

  /** It could not start, or what it was asked to find out is not so. */
  public static final int FAILED = 1;

  /**
   * Wrong arguments, wrong configuration, or something the command cannot do without is missing.
   */
  public static final int USAGE = 2;

  private ExitStatus() {}
}

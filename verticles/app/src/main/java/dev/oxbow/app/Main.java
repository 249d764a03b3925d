package dev.oxbow.app;

import dev.oxbow.app.program.PrivateCopy;

/** Where the jar starts: commands that stay go on in a private copy of it. */
public final class Main {

  private Main() {}

  public static void main(String[] arguments) {
    PrivateCopy.enter(arguments);
    Oxbow.main(arguments);
  }
}

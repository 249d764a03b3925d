package dev.oxbow.app.run;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code oxbow rehearse}: hidden, started by a serving process for the archive of its classes. */
@Command(
    name = "rehearse",
    hidden = true,
    mixinStandardHelpOptions = true,
    description = "Starts all services in a temporary folder, relays a few bytes and stops.")
public final class RehearseCommand implements Callable<Integer> {

  @Override
  public Integer call() throws Exception {
    return Rehearsal.run();
  }
}

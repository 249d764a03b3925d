package dev.oxbow.app.run;

import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
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
    // Whoever needs the archive may be replaced, or killed, meanwhile.
    Optional<ProcessHandle> parent = ProcessHandle.current().parent();
    CompletableFuture<Void> unused =
        parent.isEmpty()
            ? CompletableFuture.completedFuture(null)
            : parent.get().onExit().thenRun(() -> Runtime.getRuntime().halt(1));
    return Rehearsal.run();
  }
}

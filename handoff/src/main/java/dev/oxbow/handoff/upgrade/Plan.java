package dev.oxbow.handoff.upgrade;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongPredicate;
import java.util.function.Supplier;

/**
 * What a process does when it is to be replaced.
 *
 * @param version of the program
 * @param directory where {@link #SOCKET} is, to which a successor connects, and where {@link
 *     UpgradeReport#FILE} is written
 * @param services what serves in this process
 * @param processCargo lends what belongs to the process and to no service, such as its lock; a new
 *     one each time
 * @param launcher starts a successor
 * @param mayTakeOver whether a process of a uid that came by itself may take over
 * @param limits how long it may take
 * @param observer is told on the upgrading thread
 */
public record Plan(
    String version,
    Path directory,
    List<Transferable> services,
    Supplier<Cargo> processCargo,
    Launcher launcher,
    LongPredicate mayTakeOver,
    UpgradeLimits limits,
    Observer observer) {

  /** Name of the socket of hand-over. */
  public static final String SOCKET = "handoff.sock";

  /** Where a successor connects. */
  Path socket() {
    return directory.resolve(SOCKET);
  }

  /** Starts a process that is to take over. */
  @FunctionalInterface
  public interface Launcher {

    /**
     * Starts it; blocks for as long as that takes.
     *
     * @param socket where it must connect
     * @throws IOException when it cannot be started
     */
    Launched start(Path socket) throws IOException;
  }

  /**
   * A successor that was started.
   *
   * @param process a child of this process, maybe not the successor itself but a wrapper
   * @param hurry gives it its full priority, before anything waits for it
   */
  public record Launched(Process process, Runnable hurry) {}

  /** Who wants to know. */
  public interface Observer {

    /** An upgrade begins. */
    void began();

    /** It was rolled back, this process serves on; the report is saved. */
    void rolledBack(UpgradeReport report);

    /** It was committed, the report is saved; the successor serves as soon as this returns. */
    void committed(UpgradeReport report);

    /**
     * A successor serves: this process must end at once, without touching what it has. Whoever
     * asked has the answer.
     */
    void left(UpgradeReport report);
  }
}

package dev.oxbow.splicer.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Tells the watchdog whether a loop is in a relay's turn, in which one, and holds the turn open
 * while the watchdog acts on its sockets, so that no descriptor number changes its meaning under
 * its hands.
 */
final class LoopGuard {
  private static final int OUTSIDE = 0;
  private static final int IN_TURN = 1;
  private static final int CLAIMED = 2;

  private final AtomicInteger state = new AtomicInteger(OUTSIDE);
  private volatile long turns;
  private volatile @Nullable Relay relay;
  private volatile @Nullable Path syscallFile;

  /** The loop's own thread, once: remembers where the kernel shows its system call. */
  void bindThread() throws IOException {
    Path thread = Files.readSymbolicLink(Path.of("/proc/thread-self"));
    syscallFile = Path.of("/proc").resolve(thread).resolve("syscall");
  }

  /** Loop thread: a turn begins. */
  @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
  void enter(Relay next) {
    relay = next;
    turns++;
    state.set(IN_TURN);
  }

  /** Loop thread: the turn ends, as soon as the watchdog does not need it any more. */
  void leave() {
    while (!state.compareAndSet(IN_TURN, OUTSIDE)) {
      Thread.onSpinWait();
    }
  }

  boolean inTurn() {
    return state.get() != OUTSIDE;
  }

  long turns() {
    return turns;
  }

  @Nullable Path syscallFile() {
    return syscallFile;
  }

  /** Watchdog: holds the turn of that number open; the relay, or null when it is over. */
  @Nullable Relay claim(long turn) {
    if (!state.compareAndSet(IN_TURN, CLAIMED)) {
      return null;
    }
    if (turns != turn) {
      unclaim();
      return null;
    }
    return relay;
  }

  void unclaim() {
    state.set(IN_TURN);
  }
}

package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The numbered pipes of one group; idle ones wait for the next direction. Loop thread only. */
@SuppressWarnings("NonAtomicVolatileUpdate") // one writer, the loop; others only look
final class PipePool {

  /** Descriptor numbers that are never taken for pipes, so that others can still be had. */
  private static final int RESERVED_NUMBERS = 128;

  /** No pipe. */
  static final int NONE = -1;

  private final int wantedBytes;
  private final PipeShare share;
  private final int highestNumber;
  private final List<@Nullable Pipe> pipes = new ArrayList<>();
  private int[] idle = new int[4];
  private int idleCount;
  private volatile int openCount;

  PipePool(int wantedBytes, PipeShare share) {
    this.wantedBytes = wantedBytes;
    this.share = share;
    this.highestNumber =
        (int) Math.min(Integer.MAX_VALUE, Syscalls.descriptorLimit() - RESERVED_NUMBERS);
  }

  /** Takes an empty pipe; its number, or {@link #NONE} when no descriptor is left for one. */
  int acquire() {
    if (idleCount == 0) {
      return openAnother();
    }
    int number = idle[--idleCount];
    Pipe pipe = get(number);
    if (pipe.capacity() < wantedBytes) {
      // It was made when the user's share of pipe memory was used up: perhaps that is over.
      pipes.set(number, share.grow(pipe, wantedBytes));
    }
    return number;
  }

  private int openAnother() {
    try {
      Pipe pipe = Pipe.open(0);
      if (pipe.writeEnd().fd() > highestNumber) {
        pipe.close();
        return NONE;
      }
      return add(pipe);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EMFILE || e.errno() == Errno.ENFILE || e.errno() == Errno.ENOMEM) {
        return NONE;
      }
      throw e;
    }
  }

  /** Takes over a pipe that others made; its number. */
  int add(Pipe made) {
    openCount++;
    // One that was made for a prelude may be small, and will serve others after it.
    Pipe pipe = share.enter(made, wantedBytes);
    int number = pipes.indexOf(null);
    if (number < 0) {
      number = pipes.size();
      pipes.add(pipe);
    } else {
      pipes.set(number, pipe);
    }
    return number;
  }

  /** Takes over a pipe that another process numbered. */
  void adopt(int number, Pipe pipe) {
    while (pipes.size() <= number) {
      pipes.add(null);
    }
    if (pipes.set(number, pipe) != null) {
      throw new IllegalArgumentException("two pipes have the number " + number);
    }
    share.count(pipe);
    openCount++;
  }

  /** The highest number of a pipe, plus one. */
  int size() {
    return pipes.size();
  }

  /** Whether a pipe has this number. */
  boolean has(int number) {
    return number >= 0 && number < pipes.size() && pipes.get(number) != null;
  }

  /** Idle is what no record names: forgets what it took for idle, and looks again. */
  void reclaim(BitSet named) {
    idleCount = 0;
    for (int number = 0; number < pipes.size(); number++) {
      if (pipes.get(number) != null && !named.get(number)) {
        release(number);
      }
    }
  }

  /** An idle pipe, or {@link #NONE}: opens none. */
  int acquireIdle() {
    return idleCount > 0 ? idle[--idleCount] : NONE;
  }

  /** Opens pipes until so many are idle, as far as there are descriptors for them. */
  void provide(int wanted) {
    while (idleCount < wanted) {
      int number = openAnother();
      if (number == NONE) {
        return;
      }
      release(number);
    }
  }

  Pipe get(int number) {
    Pipe pipe = pipes.get(number);
    if (pipe == null) {
      throw new IllegalStateException("no pipe has the number " + number);
    }
    return pipe;
  }

  /** Puts back a pipe that is empty. */
  void release(int number) {
    if (idleCount == idle.length) {
      idle = java.util.Arrays.copyOf(idle, 2 * idleCount);
    }
    idle[idleCount++] = number;
  }

  /** Gives a pipe out of the pool; the caller owns both ends. */
  Pipe remove(int number) {
    Pipe pipe = get(number);
    pipes.set(number, null);
    share.leave(pipe);
    openCount--;
    return pipe;
  }

  /** Pipes in this pool, idle ones included; may be a moment old on other threads. */
  int openCount() {
    return openCount;
  }

  int idleCount() {
    return idleCount;
  }

  /** Closes one idle pipe, the one that has waited longest. */
  void closeOneIdle() {
    int number = idle[0];
    System.arraycopy(idle, 1, idle, 0, --idleCount);
    remove(number).close();
  }
}

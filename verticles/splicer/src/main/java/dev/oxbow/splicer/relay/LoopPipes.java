package dev.oxbow.splicer.relay;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pipes of one loop's groups: how many may idle, and who waits for one while none may be made.
 * Loop thread only, but for the two counts.
 */
final class LoopPipes {
  private static final int SHARED_PIPES = 16;
  private static final long TRIM_NANOS = 250_000_000;
  private static final long TRIM_PAUSE_NANOS = 1_000_000;
  private static final int TRIMMED_AT_ONCE = 16;

  private final RelayLoop loop;
  private final int pipeBytes;
  private final int idleLimit;
  private final PipeShare share;
  private final @Nullable PipePool[] pools = new PipePool[DataPlane.GROUPS];
  private final List<Deque<Relay>> starving = new ArrayList<>();
  private int idlePipes;
  private boolean trimming;

  /** No pipe is closed, because pipes are shared or will be in a moment. */
  private boolean keep;

  /**
   * @param pipeBytes wanted capacity of a pipe
   * @param idleLimit pipes that may stay open without use
   * @param share of all loops
   */
  LoopPipes(RelayLoop loop, int pipeBytes, int idleLimit, PipeShare share) {
    this.share = share;
    this.loop = loop;
    this.pipeBytes = pipeBytes;
    this.idleLimit = idleLimit;
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      starving.add(new ArrayDeque<>());
    }
  }

  /** A group's numbered pipes. */
  PipePool of(int group) {
    PipePool pool = pools[group];
    if (pool == null) {
      pool = new PipePool(pipeBytes, share);
      pools[group] = pool;
    }
    return pool;
  }

  /** An empty pipe's number, or {@link PipePool#NONE} when no descriptor is left for one. */
  int acquire(int group) {
    PipePool pool = of(group);
    idlePipes -= pool.idleCount() > 0 ? 1 : 0;
    return pool.acquire();
  }

  /** A pipe that is open already, or {@link PipePool#NONE}: the relay gets a turn later then. */
  int acquireIdle(Relay relay) {
    int number = of(relay.group()).acquireIdle();
    if (number != PipePool.NONE) {
      idlePipes--;
    } else if (!relay.starving) {
      relay.starving = true;
      starving.get(relay.group()).add(relay);
    }
    return number;
  }

  /** Puts back a pipe that is empty. */
  void release(int group, int number) {
    of(group).release(number);
    idlePipes++;
    trimSoon();
    passOn(group);
  }

  /**
   * Gives a turn to the next relay that waits for a pipe, if there is one to be had. Whoever got a
   * turn for that must pass on when it is over, since it may have had no use for a pipe.
   */
  void passOn(int group) {
    if (!starving.get(group).isEmpty() && of(group).idleCount() > 0) {
      Relay next = starving.get(group).remove();
      next.starving = false;
      next.requeue();
    }
  }

  /**
   * Idle is what no relay's record names: another process may have taken and put back others. All
   * of the relays are to begin anew, so none waits any more.
   */
  void reclaim(int group, List<Relay> relays) {
    starving.get(group).forEach(relay -> relay.starving = false);
    starving.get(group).clear();
    PipePool pool = pools[group];
    if (pool != null) {
      BitSet named = new BitSet();
      for (Relay relay : relays) {
        for (int direction = 0; direction < 2; direction++) {
          int number = relay.record().pipe(direction);
          if (number != PipePool.NONE) {
            named.set(number);
          }
        }
      }
      idlePipes -= pool.idleCount();
      pool.reclaim(named);
      idlePipes += pool.idleCount();
    }
  }

  /** Makes pipes ready for a group that changes hands; none is closed until {@link #unshare()}. */
  void provide(int group, int relays) {
    PipePool pool = of(group);
    idlePipes -= pool.idleCount();
    pool.provide(toShare(relays));
    idlePipes += pool.idleCount();
  }

  /** No pipe is closed until {@link #unshare()}. */
  void keep() {
    keep = true;
  }

  /** Idle pipes that a group of so many relays is given before it changes hands. */
  static int toShare(int relays) {
    return Math.min(2 * relays, SHARED_PIPES);
  }

  /** Pipes may be made and closed again: who starved gets a turn, and surplus ones go. */
  void unshare() {
    keep = false;
    for (Deque<Relay> waiting : starving) {
      for (Relay next = waiting.poll(); next != null; next = waiting.poll()) {
        next.starving = false;
        next.requeue();
      }
    }
    trimSoon();
  }

  private void trimSoon() {
    if (idlePipes > idleLimit && !trimming && !keep) {
      trimming = true;
      loop.schedule(this::trim, TRIM_NANOS);
    }
  }

  /** Some at a time: to close a pipe takes long enough for others to notice hundreds of them. */
  private void trim() {
    trimming = false;
    int closed = 0;
    for (PipePool pool : pools) {
      while (pool != null && pool.idleCount() > 0 && idlePipes > idleLimit && !keep) {
        if (closed++ == TRIMMED_AT_ONCE) {
          trimming = true;
          loop.schedule(this::trim, TRIM_PAUSE_NANOS);
          return;
        }
        pool.closeOneIdle();
        idlePipes--;
      }
    }
  }

  /** No relay has a pipe any more. */
  void abandon() {
    for (int group = 0; group < pools.length; group++) {
      reclaim(group, List.of());
    }
  }

  /** Closes all; no relay lives any more. */
  void close() {
    for (PipePool pool : pools) {
      while (pool != null && pool.idleCount() > 0) {
        pool.closeOneIdle();
      }
    }
    idlePipes = 0;
  }

  /** Pipes that are open; may be a moment old on other threads. */
  int openCount() {
    int open = 0;
    for (PipePool pool : pools) {
      open += pool == null ? 0 : pool.openCount();
    }
    return open;
  }

  /** Of them, those that nobody uses; may be a moment old on other threads. */
  int idleCount() {
    return idlePipes;
  }
}

package dev.oxbow.handoff.cargo;

import io.vertx.core.Future;
import java.util.Map;

/**
 * A service that can be replaced by the same service in another process while it works. Its state
 * is in memory that both processes map and in kernel objects of which both have descriptors; so to
 * pause means to stop touching, and to go on means to read that memory and to touch again.
 *
 * <pre>
 *   predecessor                                successor
 *   freeze()            -- cargo -->           a service made from the cargo, all of it frozen
 *   freeze(group)       -- group by group -->  thaw(group)
 *   (ends)              -- commit -->          thaw()
 *
 *   rollback, once the successor is dead: thaw(group) of all groups, thaw()
 * </pre>
 *
 * Between {@link #freeze()} and {@link #thaw()} nobody accepts, reads or answers requests, sends
 * events or returns descriptors; work that ends meanwhile waits, marked in the shared memory. In
 * that time whoever works on a group moves bytes so that a kill at any moment loses none, uses only
 * kernel objects that both have, and makes none. All methods: any thread; the futures complete on
 * any.
 */
public interface Transferable {

  /** The service's name, such as {@code splicer}. */
  String name();

  /**
   * How its state is laid out: a successor is refused unless it reads this version.
   *
   * @param version that this process writes
   * @param oldest that this process can read
   */
  record Layout(int version, int oldest) {}

  /** The layout of its state. */
  Layout layout();

  /**
   * How many groups it has, which change hands one after the other: none, unless it says otherwise.
   * A group is paused and goes on as one.
   */
  default int groups() {
    return 0;
  }

  /** What a report says of it, such as how many relays live. */
  Map<String, Long> counts();

  /** How many flows, sessions or relays of a group are paused with it. */
  default int flows(int group) {
    return 0;
  }

  /** About how many descriptors it would hand over now. */
  Future<Long> descriptors();

  /**
   * Stops all but the moving of data, and gives out everything that another process needs to go on.
   * The caller closes the cargo when the upgrade is over.
   */
  Future<Cargo> freeze();

  /** Stops touching the flows of a group. */
  default Future<Void> freeze(int group) {
    return noGroup(group);
  }

  /**
   * Works on a group, from what the shared memory and the kernel objects say: never from what this
   * process remembers, since another one may have worked on it in between.
   */
  default Future<Void> thaw(int group) {
    return noGroup(group);
  }

  /**
   * All of it works again, and no other process has a hand in it any more: what waits is given out.
   */
  Future<Void> thaw();

  private static Future<Void> noGroup(int group) {
    return Future.failedFuture(new IllegalArgumentException("there is no group " + group));
  }
}

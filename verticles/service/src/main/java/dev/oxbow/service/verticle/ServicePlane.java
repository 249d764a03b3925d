package dev.oxbow.service.verticle;

import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Future;

/** What moves the data of a service, in groups that change hands one by one. */
public interface ServicePlane {

  /** Groups, whatever the number of event loops. */
  int GROUPS = 64;

  /** The group of a piece of work; it stays there for life. */
  static int groupOf(long id) {
    return (int) Long.remainderUnsigned(id, GROUPS);
  }

  /** Stops touching a group's descriptors; completes when that is so. Any thread. */
  Future<Void> freeze(int group);

  /** Goes on with a frozen group, from what memory and kernel say. Any thread. */
  Future<Void> thaw(int group);

  /** How many flows a group has; while it is frozen, any thread. */
  int flows(int group);

  /**
   * Another process will have the same descriptors from here on, until {@link #unshare()}: work
   * that ends waits, nothing is made that the other would miss, and data moves so that a kill loses
   * as little as can be. Lends what it holds beside the work's own descriptors; completes when all
   * that happened before has been told.
   */
  Future<Void> share(Cargo cargo);

  /** This process alone has the descriptors: all goes on as usual, and what waited is told. */
  Future<Void> unshare();

  /**
   * Ends the plane as if its process had ended: closes what it holds, forgets its work, and touches
   * no descriptor of that. All groups must be frozen.
   */
  Future<Void> abandon();
}

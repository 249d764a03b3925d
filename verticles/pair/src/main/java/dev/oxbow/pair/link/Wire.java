package dev.oxbow.pair.link;

import java.util.function.Consumer;

/**
 * Carries frames to all other nodes of a cluster: those of one sender in their order, or not at
 * all. One thread at a time.
 */
public interface Wire extends AutoCloseable {

  /** Makes wires. */
  interface Opener {

    /**
     * Opens one. Blocks, for seconds.
     *
     * @param receiver of frames, on any thread; must not block
     * @param left told when all others have left the cluster, and their processes have ended; on
     *     any thread
     * @throws IllegalStateException saying why there can be none now; it is tried again
     */
    Wire open(Consumer<byte[]> receiver, Runnable left);
  }

  /**
   * Sends a frame.
   *
   * @throws IllegalStateException when that cannot be now
   */
  void send(byte[] frame);

  /** Leaves at once. Idempotent. */
  @Override
  void close();
}

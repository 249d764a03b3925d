package dev.oxbow.splicer;

import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;

/** Somebody else's traffic: one byte to and fro through a relay, and how long it ever took. */
@SuppressWarnings("NonAtomicVolatileUpdate") // one writer, the player
final class PingPong implements AutoCloseable {
  private final ControlPeer owner;
  private final StreamPair left = StreamPair.tcp4();
  private final StreamPair right = StreamPair.tcp4();
  private final Thread thread = new Thread(this::play, "ping-pong");
  private volatile boolean stopped;
  private volatile long longestNanos;
  private volatile long rounds;

  /** Starts a relay and plays until it is closed. */
  PingPong(ControlPeer owner) {
    this.owner = owner;
    owner.splice(left.near(), right.near());
    left.near().close();
    right.near().close();
    thread.start();
  }

  private void play() {
    TestPeer ping = new TestPeer(left.far());
    TestPeer pong = new TestPeer(right.far());
    byte[] ball = {1};
    while (!stopped) {
      long begin = System.nanoTime();
      ping.write(ball);
      pong.read(1);
      pong.write(ball);
      ping.read(1);
      longestNanos = Math.max(longestNanos, System.nanoTime() - begin);
      rounds++;
    }
  }

  /** The longest round so far, in milliseconds. */
  long longestMs() {
    return longestNanos / 1_000_000;
  }

  long rounds() {
    return rounds;
  }

  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    left.far().close();
    right.far().close();
    owner.event().close();
  }
}

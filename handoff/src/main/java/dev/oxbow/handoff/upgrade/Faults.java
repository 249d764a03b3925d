package dev.oxbow.handoff.upgrade;

import dev.oxbow.fdpassing.libc.Processes;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Faults on demand, for tests that prove what an upgrade survives. Off unless {@value #VARIABLE} is
 * set, as {@code side:stage:step:fault[:seed]}, for example {@code successor:switch:12:die}. A step
 * is a batch of the stage <i>copy</i>, a group of the stage <i>switch</i> (from 1, over all
 * services), in the stage <i>commit</i> 1 after the decision was sent or made, 2 when the
 * predecessor has left and 3 when one is about to end the other, otherwise 0. A fault happens once
 * in a process.
 */
final class Faults {

  /** The environment variable. */
  static final String VARIABLE = "OXBOW_FAULT";

  /** What happens. */
  enum Fault {
    /** The process is killed, as by SIGKILL. */
    DIE,
    /** The process stops, as by SIGSTOP. */
    HANG,
    /** The next message is not sent. */
    DROP,
    /** The next message is cut at a random place. */
    TRUNCATE,
    /** The next message has a few random bytes in it. */
    DAMAGE,
    /** The connection is cut. */
    CUT,
    /** More than a second passes. */
    DELAY
  }

  private static final Logger log = LoggerFactory.getLogger(Faults.class);
  private static final int SIGSTOP = 19;
  private static final long STOPS_WITHIN_NANOS = 300_000_000;
  private static final long DELAY_NANOS = 1_200_000_000;

  private final @Nullable Stage stage;
  private final int step;
  private final Fault fault;
  private final SplittableRandom random;
  private boolean due;
  private @Nullable Fault onSend;

  private Faults(@Nullable Stage stage, int step, Fault fault, long seed) {
    this.stage = stage;
    this.step = step;
    this.fault = fault;
    this.random = new SplittableRandom(seed);
    this.due = stage != null;
  }

  /** None at all. */
  static Faults none() {
    return new Faults(null, 0, Fault.DELAY, 0);
  }

  /**
   * What the variable asks of one side.
   *
   * @param text its value, or null when it is not set
   */
  static Faults parse(@Nullable String text, Side side) {
    if (text == null || text.isEmpty()) {
      return none();
    }
    String[] parts = text.toUpperCase(java.util.Locale.ROOT).split(":", -1);
    if (parts.length < 4) {
      throw new IllegalArgumentException(VARIABLE + " is not side:stage:step:fault: " + text);
    }
    if (Side.valueOf(parts[0]) != side) {
      return none();
    }
    long seed = parts.length > 4 ? Long.parseLong(parts[4]) : 1;
    return new Faults(
        Stage.valueOf(parts[1]), Integer.parseInt(parts[2]), Fault.valueOf(parts[3]), seed);
  }

  /** The process is at this point; what is due happens. */
  void at(Stage now, int nowStep) {
    if (!due || now != stage || nowStep != step) {
      return;
    }
    due = false;
    log.warn("fault on demand: {} at {} {}", fault, now.wireName(), nowStep);
    switch (fault) {
      case DIE -> Processes.signalSelf(Processes.SIGKILL);
      case HANG -> {
        Processes.signalSelf(SIGSTOP);
        // The signal is for the process: this thread may run on until another has taken it.
        LockSupport.parkNanos(STOPS_WITHIN_NANOS);
      }
      case DELAY -> LockSupport.parkNanos(DELAY_NANOS);
      default -> onSend = fault;
    }
  }

  /**
   * What is sent instead of a message; null for nothing.
   *
   * @param cut cuts the connection
   */
  byte @Nullable [] onSend(byte[] message, Runnable cut) {
    Fault now = onSend;
    if (now == null) {
      return message;
    }
    onSend = null;
    return switch (now) {
      case DROP -> null;
      case TRUNCATE -> Arrays.copyOf(message, random.nextInt(1, message.length));
      case DAMAGE -> damaged(message);
      case CUT -> {
        cut.run();
        yield message;
      }
      default -> message;
    };
  }

  private byte[] damaged(byte[] message) {
    byte[] bytes = message.clone();
    for (int i = 0; i < 4; i++) {
      bytes[random.nextInt(bytes.length)] ^= (byte) random.nextInt(1, 256);
    }
    return bytes;
  }
}

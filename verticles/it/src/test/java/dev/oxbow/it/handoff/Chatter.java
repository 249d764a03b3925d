package dev.oxbow.it.handoff;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Asks without a pause, several requests ahead, and sees that all are answered in their order. */
final class Chatter implements AutoCloseable {
  private static final int AHEAD = 6;
  private static final long PAUSE_NANOS = 1_000_000;
  private static final String[] OPS = {"stats", "list\",\"limit\":3,\"x\":\"", "nonsense"};

  private final ControlPeer control;
  private final Thread thread = new Thread(this::talk, "chatter");
  private volatile boolean stopped;
  private volatile long answered;
  private volatile @Nullable Throwable failure;

  /**
   * @param control owned by this object from here on
   */
  Chatter(ControlPeer control) {
    this.control = control;
    thread.setDaemon(true);
    thread.start();
  }

  private void talk() {
    try {
      long done = 0;
      for (long asked = 0; !stopped || done < asked; answered = done) {
        while (!stopped && asked - done < AHEAD) {
          String op = OPS[(int) (asked % OPS.length)];
          control.send("{\"op\":\"" + op + "\",\"id\":" + asked++ + "}");
        }
        JsonObject answer = control.answer();
        boolean refused = answer.containsKey("error");
        if (answer.getLong("id") != done || refused != (done % OPS.length == 2)) {
          throw new AssertionError("request " + done + " was answered by " + answer.encode());
        }
        done++;
        // Leaves something of the processors to those who are under test.
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    } catch (RuntimeException | AssertionError e) {
      failure = e;
    }
  }

  /** How many requests were answered. */
  long answered() {
    return answered;
  }

  /** Waits until all that was asked so far is answered, and more. */
  void awaitAnswers() {
    long until = answered + AHEAD + 1;
    Await.until(
        "requests are answered",
        () -> {
          check();
          return answered >= until;
        });
  }

  /** Waits until the connection has ended, since nobody serves any more. */
  void awaitEnd() {
    Await.until("no answer comes", () -> failure != null);
    String why = String.valueOf(failure);
    if (!why.endsWith("end of connection") && !why.matches("(?s).*(ECONNRESET|EPIPE).*")) {
      throw new AssertionError(why, failure);
    }
    failure = null;
  }

  private void check() {
    Throwable seen = failure;
    if (seen != null) {
      throw new AssertionError(seen.getMessage(), seen);
    }
  }

  /** Ends, and fails if not all was in order. */
  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    control.close();
    check();
  }
}

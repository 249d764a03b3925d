import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Locale;

/**
 * Packets per second that arrive, one way, over a number of flows. The sender never has more than a
 * window of packets on their way, so that nothing is lost where a queue is, and the slowest part of
 * the way says how many there are.
 */
final class Rate {
  private static final int FLOWS = 16;
  private static final int WINDOW = 1_024;
  private static final long LOST_NANOS = 200_000_000;

  private final int[] senders = new int[FLOWS];
  private final int receiver;
  private final Messages outgoing = new Messages(false);
  private final Messages incoming = new Messages(true);
  private long sent;
  private long givenUp;
  private int turn;
  private volatile long received;
  private volatile boolean done;

  Rate(Ends ends, boolean up) {
    Messages message = new Messages(true);
    receiver = up ? ends.atServer(ends.fresh()) : ends.atClient(null);
    byte[] to = up ? Sockets.localAddress(receiver) : null;
    for (int i = 0; i < FLOWS; i++) {
      if (up) {
        senders[i] = ends.atClient(to);
        outgoing.send(senders[i], 0, 1);
        Ends.take(receiver, message);
        message.send(receiver, 0, 1);
        Ends.take(senders[i], message);
      } else {
        byte[] from = ends.fresh();
        senders[i] = ends.atServer(from);
        message.to(0, from);
        message.send(receiver, 0, 1);
        Ends.take(senders[i], message);
        Sockets.connect(senders[i], message.from(0));
        outgoing.send(senders[i], 0, 1);
        Ends.take(receiver, message);
      }
    }
  }

  private boolean send() {
    if (WINDOW - (sent - givenUp - received) < Messages.BATCH) {
      return false;
    }
    int n = outgoing.send(senders[turn++ % FLOWS], 0, Messages.BATCH);
    sent += n;
    return n > 0;
  }

  private boolean receive() {
    int n = incoming.receive(receiver);
    if (n > 0) {
      received += n;
    }
    return n > 0;
  }

  /** Received per second, after a quarter of the time; and all that was received. */
  String run(long nanos, Second second) {
    if (second != null) {
      second.begin(
          () -> {
            while (!done) {
              if (!receive()) {
                Thread.onSpinWait();
              }
            }
          });
    }
    long began = System.nanoTime();
    long now = began;
    long settled = 0;
    long atSettled = 0;
    long seen = 0;
    long progress = began;
    while (now - began < nanos) {
      send();
      if (second == null) {
        receive();
      }
      now = System.nanoTime();
      if (settled == 0 && now - began > nanos / 4) {
        settled = now;
        atSettled = received;
      }
      if (received != seen) {
        seen = received;
        progress = now;
      } else if (now - progress > LOST_NANOS) {
        givenUp = sent - received;
        progress = now;
      }
    }
    double perSecond = (received - atSettled) * 1e9 / (now - settled);
    for (long last = now; received < sent && now - last < LOST_NANOS; now = System.nanoTime()) {
      if (second == null) {
        receive();
      }
      if (received != seen) {
        seen = received;
        last = now;
      }
    }
    done = true;
    if (second != null) {
      second.await();
    }
    for (int socket : senders) {
      Syscalls.close(socket);
    }
    Syscalls.close(receiver);
    return String.format(
        Locale.ROOT,
        "{\"perSecond\":%.0f,\"received\":%d,\"lost\":%d}",
        perSecond,
        received,
        sent - received);
  }
}

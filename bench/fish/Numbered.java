import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * Numbered packets from clients to a server, and each of them back, at a steady rate until it is to
 * end: what was lost on either way, and the longest time in which nothing came.
 */
final class Numbered {
  private static final int FLOWS = 20;
  private static final long STEP_NANOS = 1_000_000;
  private static final long LAST_NANOS = 300_000_000;

  private final int perStep;
  private final int[] clients = new int[FLOWS];
  private final int server;
  private final Messages outgoing = new Messages(false);
  private final Messages answers = new Messages(true);
  private final Messages back = new Messages(false);
  private final long[] numbers = new long[FLOWS];
  private long sent;
  private int turn;
  private long swapped;
  private volatile boolean ended;

  /** What has come one way. */
  private static final class Way {
    private final long[] next = new long[FLOWS];
    private long received;
    private long lastNanos;
    private long silenceNanos;
  }

  private final Way up = new Way();
  private final Way down = new Way();

  Numbered(Ends ends, int perSecond) {
    perStep = (int) (perSecond * STEP_NANOS / 1_000_000_000);
    byte[] address = ends.fresh();
    server = ends.atServer(address);
    for (int i = 0; i < FLOWS; i++) {
      clients[i] = ends.atClient(address);
    }
  }

  void end() {
    ended = true;
  }

  /** Sends until the end, and receives for as long as something comes. */
  void run() {
    long due = System.nanoTime();
    up.lastNanos = due;
    down.lastNanos = due;
    while (!ended) {
      for (int i = 0; i < perStep; i++) {
        int flow = turn++ % FLOWS;
        outgoing.number(0, numbers[flow] << 8 | flow);
        int taken = outgoing.send(clients[flow], 0, 1);
        numbers[flow] += taken;
        sent += taken;
      }
      due = Math.max(due + STEP_NANOS, System.nanoTime() - 20 * STEP_NANOS);
      do {
        receive(System.nanoTime());
        LockSupport.parkNanos(Math.min(STEP_NANOS / 4, due - System.nanoTime()));
      } while (System.nanoTime() < due);
    }
    long now = System.nanoTime();
    long progress = now;
    while (down.received < sent && now - progress < LAST_NANOS) {
      progress = receive(now) ? now : progress;
      now = System.nanoTime();
    }
    for (int client : clients) {
      Syscalls.close(client);
    }
    Syscalls.close(server);
  }

  private boolean receive(long now) {
    boolean some = false;
    for (int n = answers.receive(server); n > 0; n = answers.receive(server)) {
      note(up, answers, n, now);
      for (int done = 0; done < n; ) {
        done += answers.send(server, done, n - done);
      }
      some = true;
    }
    for (int client : clients) {
      int n = back.receive(client);
      note(down, back, n, now);
      some |= n > 0;
    }
    return some;
  }

  private void note(Way way, Messages messages, int count, long now) {
    for (int i = 0; i < count; i++) {
      long number = messages.number(i);
      int flow = (int) number & 0xff;
      swapped += number >>> 8 < way.next[flow] ? 1 : 0;
      way.next[flow] = (number >>> 8) + 1;
    }
    if (count > 0) {
      way.received += count;
      way.silenceNanos = Math.max(way.silenceNanos, now - way.lastNanos);
      way.lastNanos = now;
    }
  }

  String figures() {
    return String.format(
        Locale.ROOT,
        "{\"sent\":%d,\"lost\":%d,\"swapped\":%d,\"silenceMs\":%.1f}",
        sent,
        sent - down.received,
        swapped,
        Math.max(up.silenceNanos, down.silenceNanos) / 1e6);
  }
}

import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Arrays;
import java.util.Locale;

/** From sending a packet until its answer is there, one after the other, on one flow. */
final class RoundTrips {
  private static final long STUCK_NANOS = 2_000_000_000;

  private final int server;
  private final int client;
  private final Messages message = new Messages(false);
  private final Messages answer = new Messages(true);
  private volatile boolean done;

  RoundTrips(Ends ends) {
    byte[] address = ends.fresh();
    server = ends.atServer(address);
    client = ends.atClient(address);
  }

  /**
   * @param second the server, when both ends are to sleep until something comes; null for ends that
   *     look all the time
   */
  String run(int warmUp, int samples, Second second) {
    long[] nanos = new long[samples];
    if (second != null) {
      second.begin(this::serve);
    }
    for (int i = -warmUp; i < samples; i++) {
      long began = System.nanoTime();
      message.send(client, 0, 1);
      if (second != null) {
        Ends.take(client, message);
      } else {
        look(began);
      }
      if (i >= 0) {
        nanos[i] = System.nanoTime() - began;
      }
    }
    done = true;
    if (second != null) {
      message.send(client, 0, 1);
      second.await();
    }
    Syscalls.close(client);
    Syscalls.close(server);
    Arrays.sort(nanos);
    return String.format(
        Locale.ROOT,
        "{\"p50Micros\":%.1f,\"p99Micros\":%.1f}",
        nanos[samples / 2] / 1e3,
        nanos[samples * 99 / 100] / 1e3);
  }

  private void look(long began) {
    while (message.receive(client) == 0) {
      if (answer.receive(server) > 0) {
        answer.send(server, 0, 1);
      } else if (System.nanoTime() - began > STUCK_NANOS) {
        throw new IllegalStateException("no answer");
      }
    }
  }

  private void serve() {
    while (!done) {
      Ends.take(server, answer);
      answer.send(server, 0, 1);
    }
  }
}

import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Locale;

/** All ports of a slice to one destination, one flow after the other, and then some more. */
final class Slice {
  private static final int AT_THE_END = 64;
  private static final int SILENCE_MS = 300;

  private final Ends ends;
  private final Messages message = new Messages(false);
  private final Messages answers = new Messages(true);
  private final BitSet ports = new BitSet();

  Slice(Ends ends) {
    this.ends = ends;
  }

  String run(int flows, int more) {
    byte[] address = ends.fresh();
    int server = ends.atServer(address);
    int[] clients = new int[flows + more];
    for (int i = 0; i < clients.length; i++) {
      clients[i] = ends.atClient(address);
    }
    long[] nanos = new long[flows];
    for (int i = 0; i < flows; i++) {
      long began = System.nanoTime();
      message.send(clients[i], 0, 1);
      Ends.take(server, answers);
      ports.set(answers.port(0));
      answers.send(server, 0, 1);
      Ends.take(clients[i], message);
      nanos[i] = System.nanoTime() - began;
    }
    for (int i = flows; i < clients.length; i++) {
      message.send(clients[i], 0, 1);
    }
    int beyond = 0;
    while (Sockets.poll(server, Sockets.POLLIN, SILENCE_MS) != 0) {
      beyond += answers.receive(server);
    }
    for (int client : clients) {
      Syscalls.close(client);
    }
    Syscalls.close(server);
    return String.format(
        Locale.ROOT,
        "{\"ports\":%d,\"beyond\":%d,\"firstMicros\":%.1f,\"lastMicros\":%.1f,"
            + "\"lastMaxMicros\":%.1f}",
        ports.cardinality(),
        beyond,
        median(nanos, 0, flows / 2),
        median(nanos, flows - AT_THE_END, flows),
        Arrays.stream(nanos, flows - AT_THE_END, flows).max().orElse(0) / 1e3);
  }

  private static double median(long[] nanos, int from, int to) {
    long[] part = Arrays.copyOfRange(nanos, from, to);
    Arrays.sort(part);
    return part[part.length / 2] / 1e3;
  }
}

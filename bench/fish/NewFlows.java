import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Locale;

/**
 * New flows per second, each from a socket of its own. Of UDP, one counts when the server's answer
 * to its first packet is there; of TCP, when both ends have the connection. Sockets are made before
 * the clock runs and closed when it stands, a batch at a time.
 */
final class NewFlows {
  private static final int SOCKETS = 4_096;
  private static final int DEPTH = 256;
  private static final int TURN = 32;
  private static final long STUCK_NANOS = 2_000_000_000;

  private final Ends ends;
  private final boolean tcp;
  private final int[] clients = new int[SOCKETS];
  private final int[] accepted = new int[SOCKETS];
  private final Messages answers = new Messages(true);
  private final NativeMemory word = NativeMemory.allocate(64);
  private byte[] target;
  private int server;
  private int begun;
  private int done;
  private int atServer;
  private volatile boolean over;

  NewFlows(Ends ends, boolean tcp) {
    this.ends = ends;
    this.tcp = tcp;
  }

  String run(long limitNanos, Second second) {
    long nanos = 0;
    long flows = 0;
    while (nanos < limitNanos) {
      open();
      over = false;
      if (second != null) {
        second.begin(
            () -> {
              while (!over) {
                if (!serve()) {
                  Thread.onSpinWait();
                }
              }
            });
      }
      nanos += batch(second == null);
      over = true;
      if (second != null) {
        second.await();
      }
      flows += SOCKETS;
      close();
    }
    return String.format(
        Locale.ROOT, "{\"perSecond\":%.0f,\"flows\":%d}", flows * 1e9 / nanos, flows);
  }

  private long batch(boolean alone) {
    long began = System.nanoTime();
    long progress = began;
    long now = began;
    while (done < SOCKETS) {
      int before = done;
      for (int i = 0; i < TURN && begun < SOCKETS && begun - done < DEPTH; i++) {
        begin(begun++);
      }
      if (alone) {
        serve();
      }
      while (done < begun && isThere(done)) {
        done++;
      }
      now = System.nanoTime();
      if (done > before) {
        progress = now;
      } else if (now - progress > STUCK_NANOS) {
        throw new IllegalStateException("flow " + done + " of " + begun + " has no answer");
      }
    }
    return now - began;
  }

  private void begin(int i) {
    if (tcp) {
      Sockets.connect(clients[i], target);
    } else {
      Sockets.send(clients[i], word.address(), Messages.PAYLOAD, Sockets.MSG_DONTWAIT);
    }
  }

  private boolean isThere(int i) {
    if (!tcp) {
      return Sockets.recv(clients[i], word.address(), 64, Sockets.MSG_DONTWAIT) > 0;
    }
    int bits = Sockets.poll(clients[i], Sockets.POLLOUT, 0);
    if ((bits & Sockets.POLLERR) != 0) {
      int errno = Sockets.option(clients[i], Sockets.SOL_SOCKET, Sockets.SO_ERROR);
      throw new LinuxException("connect", errno);
    }
    return bits != 0;
  }

  private boolean serve() {
    if (tcp) {
      int socket = Sockets.accept(server);
      int count = 0;
      while (socket >= 0) {
        accepted[atServer++] = socket;
        count++;
        socket = count < TURN ? Sockets.accept(server) : -1;
      }
      return count > 0;
    }
    int count = answers.receive(server);
    for (int sent = 0; sent < count; ) {
      sent += answers.send(server, sent, count - sent);
    }
    return count > 0;
  }

  private void open() {
    target = ends.fresh();
    begun = 0;
    done = 0;
    atServer = 0;
    server = tcp ? ends.server.call(() -> listener(target)) : ends.atServer(target);
    ends.client.call(
        () -> {
          for (int i = 0; i < SOCKETS; i++) {
            int kind = tcp ? Sockets.SOCK_STREAM : Sockets.SOCK_DGRAM;
            clients[i] = Sockets.socket(Sockets.AF_INET, kind | Sockets.SOCK_NONBLOCK);
            if (tcp) {
              Sockets.linger(clients[i], true);
            } else {
              Sockets.connect(clients[i], target);
            }
          }
          return null;
        });
  }

  private static int listener(byte[] address) {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    int socket = Sockets.socket(Sockets.AF_INET, type);
    Sockets.bind(socket, address);
    Sockets.listen(socket, SOCKETS);
    return socket;
  }

  /** Resets connections, and waits until what was sent for that is through. */
  private void close() {
    while (tcp && atServer < SOCKETS) {
      serve();
    }
    for (int i = 0; i < SOCKETS; i++) {
      Syscalls.close(clients[i]);
    }
    for (int i = 0; tcp && i < SOCKETS; i++) {
      Syscalls.close(accepted[i]);
    }
    Syscalls.close(server);
    byte[] address = ends.fresh();
    int last = ends.atServer(address);
    int first = ends.atClient(address);
    Sockets.send(first, word.address(), Messages.PAYLOAD, 0);
    Ends.take(last, answers);
    Syscalls.close(first);
    Syscalls.close(last);
  }
}

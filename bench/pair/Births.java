import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Locale;
import java.util.Scanner;

/**
 * New connections of UDP at a steady rate, one packet each and its answer, through a flow that is a
 * socket; and a packet every millisecond on one connection, whose way there and back is timed.
 *
 * <p>usage: java -cp oxbow.jar:CLASSES Births FLOW SERVER_NETNS SERVER_ADDRESS PORT PER_SECOND
 *
 * <p>FLOW is a descriptor. Each line of input is a number of milliseconds to go on for, and is
 * answered by what came of that time, as JSON.
 */
public final class Births {
  /** So many of the server's ports, since one destination has as many ports as the slice has. */
  private static final int SERVERS = 16;

  private static final int CLIENT = 0x0a09_0002;
  private static final int FIRST_PORT = 1_024;
  private static final int LAST_PORT = 61_023;
  private static final int HEADERS = 28;
  private static final int PAYLOAD = Messages.PAYLOAD;
  private static final int LENGTH = HEADERS + PAYLOAD;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int BUFFER_BYTES = 8 << 20;
  private static final long TICK_NANOS = 1_000_000;
  private static final int BUFFER = 2048;

  private final int flow;
  private final int perTick;
  private final int server;
  private final int firstServerPort;
  private final int[] servers = new int[SERVERS + 1];
  private final Messages messages = new Messages(true);
  private final ByteBuffer packet = ByteBuffer.allocate(LENGTH);
  private final NativeMemory memory = NativeMemory.allocate(BUFFER);
  private final NativeMemory incoming = NativeMemory.allocate(BUFFER);
  private final long[] trips = new long[1 << 18];
  private int probes;
  private long births;
  private long sent;
  private long answered;
  private long full;
  private boolean probed = true;
  private long probedNanos;

  private Births(String[] args) throws IOException {
    flow = Integer.parseInt(args[0]);
    InetAddress host = InetAddress.getByName(args[2]);
    server = ByteBuffer.wrap(host.getAddress()).getInt();
    firstServerPort = Integer.parseInt(args[3]);
    perTick = (int) (Integer.parseInt(args[4]) * TICK_NANOS / 1_000_000_000);
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    try (Namespace there = Namespace.adopt(Descriptor.adopt(Syscalls.open(args[1], flags, 0)))) {
      for (int i = 0; i <= SERVERS; i++) {
        byte[] address = Sockaddr.of(host, firstServerPort + i);
        servers[i] =
            there.call(
                () -> {
                  int type = Sockets.SOCK_DGRAM | Sockets.SOCK_NONBLOCK;
                  int socket = Sockets.socket(Sockets.AF_INET, type);
                  Sockets.setOption(socket, Sockets.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
                  Sockets.bind(socket, address);
                  return socket;
                });
      }
    }
    packet.put(0, (byte) 0x45).putShort(2, (short) LENGTH).put(8, (byte) 64);
    packet.put(9, (byte) IpProtocol.UDP).putInt(16, server);
    packet.putShort(24, (short) (8 + PAYLOAD));
  }

  public static void main(String[] args) throws IOException {
    Births load = new Births(args);
    System.out.println("ready");
    Scanner lines = new Scanner(System.in);
    while (lines.hasNextLong()) {
      System.out.println(load.run(lines.nextLong() * 1_000_000));
    }
  }

  private String run(long nanos) {
    probes = 0;
    sent = 0;
    answered = 0;
    full = 0;
    long began = System.nanoTime();
    long tick = 0;
    long late = 0;
    for (long now = began; now - began < nanos; now = System.nanoTime()) {
      long due = (now - began) / TICK_NANOS;
      // What is late is not made up for in a burst.
      late += Math.max(0, due - tick - 5);
      tick = Math.max(tick, due - 5);
      if (tick < due) {
        tick++;
        probe();
        for (int i = 0; i < perTick; i++) {
          bear();
        }
      }
      for (int i = 0; i <= SERVERS; i++) {
        serve(servers[i]);
      }
      while (receive()) {}
    }
    long[] sorted = Arrays.copyOf(trips, probes);
    Arrays.sort(sorted);
    return String.format(
        Locale.ROOT,
        "{\"births\":%d,\"answered\":%d,\"full\":%d,\"lateMs\":%d,\"probes\":%d,"
            + "\"p50Micros\":%.1f,\"p99Micros\":%.1f,\"maxMicros\":%.1f}",
        sent,
        answered,
        full,
        late,
        probes,
        at(sorted, 0.5) / 1e3,
        at(sorted, 0.99) / 1e3,
        at(sorted, 1) / 1e3);
  }

  private static double at(long[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[Math.min(sorted.length - 1, (int) (sorted.length * share))];
  }

  /** A packet of a connection that there was not before. */
  private void bear() {
    int ports = LAST_PORT - FIRST_PORT + 1;
    int client = CLIENT + (int) (births / ports);
    int port = FIRST_PORT + (int) (births % ports);
    if (send(client, port, firstServerPort + (int) (births % SERVERS))) {
      sent++;
    } else {
      full++;
    }
    births++;
  }

  /** The next one, unless the last is still on its way. */
  private void probe() {
    if (probed || System.nanoTime() - probedNanos > 100 * TICK_NANOS) {
      probed = !send(CLIENT - 1, FIRST_PORT, firstServerPort + SERVERS);
      probedNanos = System.nanoTime();
    }
  }

  private boolean send(int client, int clientPort, int serverPort) {
    packet.putInt(12, client).putShort(20, (short) clientPort).putShort(22, (short) serverPort);
    packet.putShort(10, (short) 0);
    Checksum.fillHeader(packet, 0);
    memory.putBytes(0, packet.array(), 0, LENGTH);
    return Sockets.send(flow, memory.address(), LENGTH, Sockets.MSG_DONTWAIT) == LENGTH;
  }

  private void serve(int socket) {
    for (int n = messages.receive(socket); n > 0; n = messages.receive(socket)) {
      messages.send(socket, 0, n);
    }
  }

  private boolean receive() {
    long n = Sockets.recv(flow, incoming.address(), BUFFER, Sockets.MSG_DONTWAIT);
    if (n <= 0) {
      return false;
    }
    int from = (incoming.getByte(20) & 0xff) << 8 | (incoming.getByte(21) & 0xff);
    if (from == firstServerPort + SERVERS) {
      trips[probes++ % trips.length] = System.nanoTime() - probedNanos;
      probed = true;
    } else {
      answered++;
    }
    return true;
  }
}

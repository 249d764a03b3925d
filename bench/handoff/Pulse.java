import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * Both ends of many relayed connections, with a pulse on some of them: small messages at fixed
 * times, each a run of 64-bit counters, so that the receiver knows at once what was lost, doubled
 * or swapped, and how late it is. Works with any relay that connects one address to another.
 *
 * <p>usage: java Pulse.java RELAY_ADDRESS RELAY_PORT TARGET_PORT RELAYS BUSY PERIOD_MICROS
 *
 * <p>Listens on TARGET_PORT, opens RELAYS connections to the relay, and prints "ready". A busy one
 * sends every PERIOD_MICROS one way (every other relay the other way) and at a tenth of the rate
 * back; every fiftieth message is of 16 KiB. Of the others, one in eight is half-closed. Then obeys
 * lines on standard input: {@code begin} forgets what was measured, {@code tell} prints it as one
 * JSON object, {@code end} lets every connection exchange a word once more and ends. One thread,
 * which looks at all of them every 250 microseconds: no figure is more exact than that.
 */
public final class Pulse {
  private static final long TICK_NANOS = 250_000;
  private static final int WORDS = 8;
  static final int LARGE_WORDS = 2048;
  private static final int LARGE_EVERY = 50;
  private static final int SLOWER_BACK = 10;
  private static final int HALF_CLOSED_EVERY = 8;
  private static final int CONNECTING = 64;
  private static final long PATIENCE_NANOS = 60_000_000_000L;
  static final long GREETING = 0x4f58424f57L;

  private final Selector selector = Selector.open();
  private final ByteBuffer in = ByteBuffer.allocateDirect(64 << 10);
  private final InetSocketAddress relay;
  private final ServerSocketChannel listener;
  private final End[] clients;
  private final End[] servers;
  private final List<Stream> streams = new ArrayList<>();
  private final Queue<String> orders = new ConcurrentLinkedQueue<>();
  private final Deque<String> faults = new ArrayDeque<>();
  private long damaged;
  private long lost;
  private long messages;
  private long ownWorst;
  private final long[] ownGaps = new long[4000];
  private long arrival;
  private int greeted;

  private Pulse(InetSocketAddress relay, int target, int relays) throws IOException {
    this.relay = relay;
    this.clients = new End[relays];
    this.servers = new End[relays];
    listener = ServerSocketChannel.open();
    listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
    listener.bind(new InetSocketAddress(relay.getAddress(), target), 4096);
    listener.configureBlocking(false);
  }

  public static void main(String[] args) throws IOException {
    int relays = Integer.parseInt(args[3]);
    InetSocketAddress relay = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
    Pulse pulse = new Pulse(relay, Integer.parseInt(args[2]), relays);
    pulse.connectAll();
    pulse.makeBusy(Integer.parseInt(args[4]), Long.parseLong(args[5]) * 1000);
    System.out.println("ready");
    pulse.obey();
    pulse.run();
  }

  private void connectAll() throws IOException {
    long until = System.nanoTime() + PATIENCE_NANOS;
    for (int from = 0; from < clients.length; from += CONNECTING) {
      int to = Math.min(clients.length, from + CONNECTING);
      for (int i = from; i < to; i++) {
        clients[i] = new End(SocketChannel.open(relay), i);
        prepare(clients[i]);
        clients[i].channel.write(ByteBuffer.allocate(8).putInt((int) GREETING).putInt(i).flip());
      }
      List<SocketChannel> unnamed = new ArrayList<>();
      while (greeted < to) {
        for (SocketChannel one = listener.accept(); one != null; one = listener.accept()) {
          unnamed.add(one);
        }
        unnamed.removeIf(this::named);
        if (System.nanoTime() > until) {
          throw new IllegalStateException(greeted + " of " + to + " connections came through");
        }
        LockSupport.parkNanos(TICK_NANOS);
      }
    }
    for (int i = 0; i < clients.length; i++) {
      clients[i].channel.register(selector, SelectionKey.OP_READ, clients[i]);
      servers[i].channel.register(selector, SelectionKey.OP_READ, servers[i]);
    }
  }

  private static void prepare(End end) throws IOException {
    end.channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    end.channel.configureBlocking(false);
  }

  /** The first eight bytes say which one it is. */
  private boolean named(SocketChannel channel) {
    try {
      channel.configureBlocking(false);
      ByteBuffer name = ByteBuffer.allocate(8);
      if (channel.read(name) < 8) {
        return false;
      }
      int which = name.flip().getInt(4);
      servers[which] = new End(channel, which);
      prepare(servers[which]);
      greeted++;
      return true;
    } catch (IOException e) {
      throw new IllegalStateException("a connection broke before it began: " + e, e);
    }
  }

  private void makeBusy(int busy, long periodNanos) throws IOException {
    long now = System.nanoTime() + 100 * TICK_NANOS;
    for (int i = 0; i < busy; i++) {
      boolean up = i % 2 == 0;
      add(clients[i], servers[i], up ? periodNanos : periodNanos * SLOWER_BACK, now, i, busy);
      add(servers[i], clients[i], up ? periodNanos * SLOWER_BACK : periodNanos, now, i, busy);
    }
    for (int i = busy; i < clients.length; i++) {
      if (i % HALF_CLOSED_EVERY == 0) {
        clients[i].channel.shutdownOutput();
      }
    }
  }

  private void add(End from, End to, long periodNanos, long now, int i, int busy) {
    Stream stream = new Stream(from, periodNanos, now + periodNanos * i / busy);
    to.arriving = stream;
    streams.add(stream);
  }

  private void obey() {
    Thread reader =
        new Thread(
            () -> {
              try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  orders.add(line);
                }
              } catch (IOException e) {
                System.err.println("orders: " + e);
              }
              orders.add("end");
            });
    reader.setDaemon(true);
    reader.start();
  }

  private void run() throws IOException {
    long last = System.nanoTime();
    long next = last;
    while (true) {
      long now = System.nanoTime();
      gap(now - last);
      last = now;
      send(now);
      // Taken after the sends: on an idle machine what was sent just now has arrived.
      selector.selectNow(this::readable);
      String order = orders.poll();
      if (order != null && order.equals("end")) {
        end();
        return;
      } else if (order != null) {
        obey(order);
        last = System.nanoTime();
      }
      next = Math.max(next + TICK_NANOS, System.nanoTime() - TICK_NANOS);
      LockSupport.parkNanos(next - System.nanoTime());
    }
  }

  private void gap(long nanos) {
    ownWorst = Math.max(ownWorst, nanos);
    ownGaps[(int) Math.min(ownGaps.length - 1, nanos / 10_000)]++;
  }

  private void obey(String order) {
    if (order.equals("begin")) {
      long now = System.nanoTime();
      streams.forEach(stream -> stream.forget(now));
      Arrays.fill(ownGaps, 0);
      ownWorst = 0;
      messages = 0;
    } else if (order.equals("tell")) {
      tell();
    } else {
      System.err.println("no such order: " + order);
    }
  }

  private void send(long now) throws IOException {
    for (Stream stream : streams) {
      while (stream.due <= now) {
        End from = stream.from;
        if (from.gone) {
          stream.due = Long.MAX_VALUE;
          break;
        }
        if (from.unsent.hasRemaining()) {
          write(from);
          if (from.unsent.hasRemaining()) {
            break;
          }
        }
        if (stream.sentMessages - stream.messages >= Stream.SENDS_KEPT - 1) {
          break;
        }
        message(stream, now);
        write(from);
        // What could not be sent in time is not made up for: one message tells the lateness.
        stream.due += stream.periodNanos * (1 + (now - stream.due) / stream.periodNanos);
      }
    }
  }

  private static void message(Stream stream, long now) {
    boolean large = stream.sentMessages % LARGE_EVERY == LARGE_EVERY - 1;
    ByteBuffer unsent = stream.from.unsent.clear();
    int words = large ? LARGE_WORDS : WORDS;
    for (int i = 0; i < words; i++) {
      unsent.putLong(stream.sentWords++);
    }
    unsent.flip();
    int slot = (int) (stream.sentMessages++ % Stream.SENDS_KEPT);
    stream.sends[slot] = now;
    stream.ends[slot] = stream.sentWords;
  }

  private void write(End end) {
    try {
      end.channel.write(end.unsent);
    } catch (IOException e) {
      fault(end, e.getMessage());
    }
  }

  private void readable(SelectionKey key) {
    End end = (End) key.attachment();
    arrival = System.nanoTime();
    try {
      int n = end.channel.read(in.clear());
      if (n < 0) {
        key.cancel();
        if (end.arriving != null || end == clients[end.relay]) {
          fault(end, "ended");
        }
        return;
      }
      in.flip();
      if (end.arriving != null) {
        take(end, end.arriving);
      } else if (n > 0) {
        damaged++;
      }
    } catch (IOException e) {
      key.cancel();
      fault(end, e.getMessage());
    }
  }

  private void take(End end, Stream stream) {
    while (in.hasRemaining()) {
      if (end.partialBytes == 0 && in.remaining() >= Long.BYTES) {
        word(stream, in.getLong());
        continue;
      }
      end.partial = end.partial << 8 | in.get() & 0xff;
      if (++end.partialBytes == Long.BYTES) {
        end.partialBytes = 0;
        word(stream, end.partial);
      }
    }
  }

  private void word(Stream stream, long word) {
    if (word != stream.expected) {
      damaged++;
      stream.expected = word;
    }
    stream.expected++;
    int slot = (int) (stream.messages % Stream.SENDS_KEPT);
    if (stream.messages < stream.sentMessages && stream.expected == stream.ends[slot]) {
      stream.messages++;
      messages++;
      stream.latest = Math.max(stream.latest, arrival - stream.sends[slot]);
      stream.silence = Math.max(stream.silence, arrival - stream.lastArrival);
      stream.lastArrival = arrival;
    }
  }

  private void fault(End end, String why) {
    if (!end.gone) {
      end.gone = true;
      lost++;
      if (faults.size() < 5) {
        faults.add(end.relay + ": " + why);
      }
    }
  }

  /** Per busy relay the latest of its messages, both ways. */
  private void tell() {
    long now = System.nanoTime();
    double[] late = new double[streams.size() / 2];
    double[] silent = new double[streams.size() / 2];
    for (int i = 0; i < streams.size(); i++) {
      Stream stream = streams.get(i);
      long latest = Math.max(stream.latest, stream.overdue(now));
      late[i / 2] = Math.max(late[i / 2], latest / 1e6);
      boolean fast = i % 2 == i / 2 % 2;
      if (fast) {
        silent[i / 2] = Math.max(stream.silence, now - stream.lastArrival) / 1e6;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "{\"late\":%s,\"silence\":%s,\"own\":{\"p99\":%.2f,\"max\":%.2f},"
            + "\"messages\":%d,\"damaged\":%d,\"lost\":%d,\"faults\":\"%s\"}%n",
        Arrays.toString(rounded(late)),
        Arrays.toString(rounded(silent)),
        ownGap(0.99),
        ownWorst / 1e6,
        messages,
        damaged,
        lost,
        faults);
  }

  private static double[] rounded(double[] values) {
    return Arrays.stream(values).map(value -> Math.round(value * 1000) / 1000.0).toArray();
  }

  private double ownGap(double share) {
    long all = Arrays.stream(ownGaps).sum();
    long seen = 0;
    for (int at = 0; at < ownGaps.length; at++) {
      seen += ownGaps[at];
      if (seen >= all * share) {
        return (at + 1) / 100.0;
      }
    }
    return 0;
  }

  /** Stops the pulse, waits for what is under way, and has every connection prove itself. */
  private void end() throws IOException {
    long until = System.nanoTime() + 5_000_000_000L;
    for (Stream stream : streams) {
      stream.due = Long.MAX_VALUE;
    }
    while (System.nanoTime() < until && streams.stream().anyMatch(Stream::underWay)) {
      streams.forEach(stream -> write(stream.from));
      selector.selectNow(this::readable);
      LockSupport.parkNanos(TICK_NANOS);
    }
    long missing = streams.stream().mapToLong(stream -> stream.sentWords - stream.expected).sum();
    selector.close();
    long kept = 0;
    for (int i = 0; i < clients.length; i++) {
      boolean down = servers[i].says(clients[i]);
      boolean up = clients[i].channel.socket().isOutputShutdown() || clients[i].says(servers[i]);
      kept += down && up ? 1 : 0;
    }
    System.out.printf("{\"kept\":%d,\"missingWords\":%d,\"damaged\":%d}%n", kept, missing, damaged);
  }
}

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Syscalls;
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
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Live TCP connections, both ends of each in this process: one end asks, the other answers, again
 * and again. Every second connection is asked from the server's end. Beside those that are made at
 * the beginning, others come and go.
 *
 * <p>usage: java -cp oxbow.jar:CLASSES Chats CLIENT_NETNS SERVER_NETNS SERVER_ADDRESS PORT
 * CONNECTIONS NEW_PER_SECOND PERIOD_MS
 *
 * <p>Says {@code ready} when all are there. Lines of input: {@code calm} begins to look at answer
 * times, {@code mark} notes who is there now and looks at them from here on, {@code end} prints
 * what came of these, as JSON, and ends.
 */
public final class Chats {
  private static final int BYTES = 64;
  private static final int HELLO = -1;
  private static final long LIFE_NANOS = 4_000_000_000L;
  private static final long AGED_NANOS = 1_000_000_000L;
  private static final long MILLI = 1_000_000;
  private static final int SPARE_SECONDS = 30;

  private final Selector selector = Selector.open();
  private final InetSocketAddress server;
  private final int connections;
  private final int newPerSecond;
  private final int periodMs;
  private final List<Talk> talks = new ArrayList<>();
  private final List<List<Talk>> wheel = new ArrayList<>();
  private final Deque<SocketChannel> sockets = new ArrayDeque<>();
  private final Queue<String> orders = new ConcurrentLinkedQueue<>();
  private final ServerSocketChannel listener;
  private long now = System.nanoTime();
  private long markNanos;
  private int ready;
  private long wrong;

  /** A connection. Of one that is asked from the server's end, {@code asker} is that end. */
  private static final class Talk {
    final int id;
    final boolean lasting;
    SocketChannel client;
    SocketChannel server;
    long bornNanos;
    long asked = HELLO;
    long answered = HELLO - 1;
    long askedNanos;
    long answeredNanos;
    long longestNanos;
    boolean there;
    boolean marked;
    boolean reset;
    boolean over;

    Talk(int id, boolean lasting) {
      this.id = id;
      this.lasting = lasting;
    }

    /** After the first words, which are always the client's. */
    boolean isAskedByServer() {
      return id % 2 == 1;
    }
  }

  /** One end of a connection: the server's does not know whose it is before the first words. */
  private static final class End {
    final boolean client;
    final ByteBuffer in = ByteBuffer.allocateDirect(BYTES);
    final ByteBuffer out = ByteBuffer.allocateDirect(BYTES);
    Talk talk;

    End(boolean client, Talk talk) {
      this.client = client;
      this.talk = talk;
    }
  }

  private Chats(String[] args) throws IOException {
    server = new InetSocketAddress(args[2], Integer.parseInt(args[3]));
    connections = Integer.parseInt(args[4]);
    newPerSecond = Integer.parseInt(args[5]);
    periodMs = Integer.parseInt(args[6]);
    for (int i = 0; i < periodMs; i++) {
      wheel.add(new ArrayList<>());
    }
    try (Namespace clients = named(args[0]);
        Namespace servers = named(args[1])) {
      listener = servers.call(() -> ServerSocketChannel.open().bind(server, 4096));
      listener.configureBlocking(false);
      listener.register(selector, SelectionKey.OP_ACCEPT);
      clients.call(
          () -> {
            for (int i = 0; i < connections + newPerSecond * SPARE_SECONDS; i++) {
              SocketChannel socket = SocketChannel.open();
              socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
              socket.setOption(StandardSocketOptions.SO_LINGER, 0);
              socket.configureBlocking(false);
              sockets.add(socket);
            }
            return null;
          });
    }
  }

  private static Namespace named(String path) {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    return Namespace.adopt(Descriptor.adopt(Syscalls.open(path, flags, 0)));
  }

  public static void main(String[] args) throws IOException {
    new Chats(args).run();
  }

  private void run() throws IOException {
    Thread reader = new Thread(this::read, "orders");
    reader.setDaemon(true);
    reader.start();
    long began = now;
    long lastMs = 0;
    long born = 0;
    boolean said = false;
    while (true) {
      selector.select(this::ready, 1);
      now = System.nanoTime();
      long ms = (now - began) / MILLI;
      for (long tick = Math.max(lastMs + 1, ms - periodMs + 1); tick <= ms; tick++) {
        for (Talk talk : wheel.get((int) (tick % periodMs))) {
          turn(talk);
        }
        if (talks.size() < connections) {
          connect(true);
        }
      }
      lastMs = ms;
      if (ready >= connections && !said) {
        said = true;
        born = now;
        System.out.println("ready");
      }
      while (said && newPerSecond > 0 && now - born > 1_000_000_000L / newPerSecond) {
        born += 1_000_000_000L / newPerSecond;
        connect(false);
      }
      String order = orders.poll();
      if (order != null && !take(order)) {
        return;
      }
    }
  }

  private void read() {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    lines.lines().forEach(orders::add);
    orders.add("end");
  }

  private boolean take(String order) throws IOException {
    switch (order) {
      case "calm" -> talks.forEach(talk -> talk.longestNanos = 0);
      case "mark" -> {
        markNanos = now;
        String calm = times("calm", talks.stream().filter(talk -> talk.there && !talk.over));
        for (Talk talk : talks) {
          talk.marked = talk.there && !talk.over;
          talk.longestNanos = 0;
        }
        System.out.println("{" + calm + "}");
      }
      default -> {
        System.out.println(figures());
        for (SelectionKey key : selector.keys()) {
          key.channel().close();
        }
        return false;
      }
    }
    return true;
  }

  private void connect(boolean lasting) throws IOException {
    Talk talk = new Talk(talks.size(), lasting);
    talk.client = sockets.pop();
    talks.add(talk);
    wheel.get(talk.id % periodMs).add(talk);
    talk.client.register(selector, SelectionKey.OP_CONNECT, new End(true, talk));
    talk.client.connect(server);
  }

  private void ready(SelectionKey key) {
    End end = (End) key.attachment();
    try {
      if (key.isAcceptable()) {
        accept();
      } else if (key.isConnectable()) {
        SocketChannel channel = (SocketChannel) key.channel();
        channel.finishConnect();
        key.interestOps(SelectionKey.OP_READ);
        end.talk.bornNanos = System.nanoTime();
        say(channel, end, end.talk.id, HELLO);
      } else {
        receive((SocketChannel) key.channel(), end);
      }
    } catch (IOException e) {
      fail(key, end);
    }
  }

  private void accept() throws IOException {
    for (SocketChannel one = listener.accept(); one != null; one = listener.accept()) {
      one.configureBlocking(false);
      one.setOption(StandardSocketOptions.TCP_NODELAY, true);
      one.setOption(StandardSocketOptions.SO_LINGER, 0);
      one.register(selector, SelectionKey.OP_READ, new End(false, null));
    }
  }

  private void fail(SelectionKey key, End end) {
    key.cancel();
    Talk talk = end.talk;
    try {
      key.channel().close();
      if (talk != null && !talk.over) {
        talk.over = true;
        talk.reset = true;
        talk.client.close();
        if (talk.server != null) {
          talk.server.close();
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void receive(SocketChannel channel, End end) throws IOException {
    int n = channel.read(end.in);
    if (n < 0) {
      throw new IOException("ended");
    }
    if (end.in.hasRemaining()) {
      return;
    }
    long number = end.in.getLong(8);
    if (end.talk == null) {
      end.talk = talks.get((int) end.in.getLong(0));
      end.talk.server = channel;
    }
    Talk talk = end.talk;
    end.in.clear();
    boolean isAnswer = number == HELLO ? end.client : end.client != talk.isAskedByServer();
    if (!isAnswer) {
      say(channel, end, talk.id, number);
      return;
    }
    now = System.nanoTime();
    if (number != talk.asked || end.in.getLong(0) != talk.id) {
      wrong++;
    }
    if (number == HELLO) {
      talk.there = true;
      ready++;
    } else {
      talk.longestNanos = Math.max(talk.longestNanos, now - talk.askedNanos);
    }
    talk.answered = number;
    talk.answeredNanos = now;
  }

  private static void say(SocketChannel channel, End end, long id, long number)
      throws IOException {
    end.out.clear();
    end.out.putLong(0, id).putLong(8, number);
    if (channel.write(end.out) < BYTES) {
      throw new IllegalStateException("a socket has no room for " + BYTES + " bytes");
    }
  }

  /** Once in a period. */
  private void turn(Talk talk) throws IOException {
    if (!talk.there || talk.over || talk.asked != talk.answered) {
      return;
    }
    if (!talk.lasting && markNanos == 0 && now - talk.bornNanos > LIFE_NANOS) {
      talk.over = true;
      talk.client.close();
      return;
    }
    SocketChannel from = talk.isAskedByServer() ? talk.server : talk.client;
    SelectionKey key = from.keyFor(selector);
    talk.asked++;
    talk.askedNanos = System.nanoTime();
    try {
      say(from, (End) key.attachment(), talk.id, talk.asked);
    } catch (IOException e) {
      fail(key, (End) key.attachment());
    }
  }

  private String times(String name, java.util.stream.Stream<Talk> of) {
    long[] sorted = of.mapToLong(talk -> talk.longestNanos).sorted().toArray();
    return String.format(
        Locale.ROOT,
        "\"%1$sP50Ms\":%2$.1f,\"%1$sP99Ms\":%3$.1f,\"%1$sMaxMs\":%4$.1f",
        name,
        at(sorted, 0.5) / 1e6,
        at(sorted, 0.99) / 1e6,
        at(sorted, 1) / 1e6);
  }

  private static double at(long[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[Math.min(sorted.length - 1, (int) (sorted.length * share))];
  }

  private String figures() {
    for (Talk talk : talks) {
      if (talk.asked != talk.answered && !talk.over) {
        talk.longestNanos = Math.max(talk.longestNanos, now - talk.askedNanos);
      }
    }
    Talk[] old =
        talks.stream()
            .filter(talk -> talk.marked && markNanos - talk.bornNanos >= AGED_NANOS)
            .toArray(Talk[]::new);
    Talk[] young =
        talks.stream()
            .filter(talk -> talk.marked && markNanos - talk.bornNanos < AGED_NANOS)
            .toArray(Talk[]::new);
    Talk[] lost =
        Arrays.stream(old).filter(talk -> talk.reset || !isAlive(talk)).toArray(Talk[]::new);
    return String.format(
        Locale.ROOT,
        "{\"flows\":%d,\"alive\":%d,\"resets\":%d,\"oldestLostMs\":%.0f,\"young\":%d,"
            + "\"youngAlive\":%d,\"newAfter\":%d,\"wrong\":%d,%s}",
        old.length,
        old.length - lost.length,
        Arrays.stream(old).filter(talk -> talk.reset).count(),
        Arrays.stream(lost).mapToLong(talk -> markNanos - talk.bornNanos).max().orElse(0) / 1e6,
        young.length,
        Arrays.stream(young).filter(talk -> !talk.reset && isAlive(talk)).count(),
        talks.stream().filter(talk -> talk.there && talk.bornNanos > markNanos).count(),
        wrong,
        times("stall", Arrays.stream(old).filter(talk -> !talk.reset && isAlive(talk))));
  }

  private boolean isAlive(Talk talk) {
    return talk.answeredNanos > markNanos && talk.asked - talk.answered <= 1
        && (talk.asked == talk.answered || now - talk.askedNanos < AGED_NANOS);
  }
}

package dev.oxbow.it.handoff;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * UDP packets with numbers from a client to a server and back, on a number of flows: either end
 * knows at once what was lost, doubled or swapped, and the server from where it came.
 */
final class NumberedPackets implements AutoCloseable {
  private static final int BUFFER_BYTES = 400_000;
  private static final int PACKET_BYTES = 64;
  private static final long SELECT_MS = 50;
  private static final long STEP_NANOS = 1_000_000;

  /** Steps that are made up for when the sender had no turn. */
  private static final int BEHIND_STEPS = 20;

  private final List<Thread> threads = new ArrayList<>();
  private final List<Flow> flows = new ArrayList<>();
  private final int perStep;
  private final Selector atServer = Selector.open();
  private final Selector atClient = Selector.open();
  private volatile boolean sending = true;
  private volatile boolean closed;
  private volatile @Nullable Throwable failure;

  /** One of them. */
  private static final class Flow {
    private final DatagramChannel client;
    private final DatagramChannel server;
    private final Numbers forth = new Numbers();
    private final Numbers back = new Numbers();
    private final AtomicLong sent = new AtomicLong();
    private volatile @Nullable SocketAddress source;

    Flow(DatagramChannel client, DatagramChannel server) {
      this.client = client;
      this.server = server;
    }
  }

  /** What one end has seen; one writer. */
  private static final class Numbers {
    private volatile long next;
    private final AtomicLong lost = new AtomicLong();

    /** A number has come; false when it came before. */
    boolean came(long number) {
      if (number < next) {
        return false;
      }
      lost.addAndGet(number - next);
      next = number + 1;
      return true;
    }
  }

  /**
   * @param host that the server's sockets are bound to
   * @param count of flows
   * @param perSecond packets of all of them together, a multiple of 1000
   */
  NumberedPackets(Namespace client, Namespace server, String host, int count, int perSecond)
      throws IOException {
    perStep = perSecond / 1000;
    for (int i = 0; i < count; i++) {
      DatagramChannel there = server.call(() -> open(new InetSocketAddress(host, 0)));
      DatagramChannel here = client.call(() -> open(null));
      here.connect(there.getLocalAddress());
      Flow flow = new Flow(here, there);
      flows.add(flow);
      there.register(atServer, SelectionKey.OP_READ, flow);
      here.register(atClient, SelectionKey.OP_READ, flow);
    }
  }

  private static DatagramChannel open(@Nullable InetSocketAddress at) throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, BUFFER_BYTES);
    channel.bind(at).configureBlocking(false);
    return channel;
  }

  private interface Task {
    void run() throws IOException;
  }

  NumberedPackets start() {
    thread("packets-server", () -> receive(atServer, this::atServer));
    thread("packets-client", () -> receive(atClient, this::atClient));
    thread("packets-sender", this::send);
    return this;
  }

  private void thread(String name, Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (IOException | RuntimeException | AssertionError e) {
                failure = e;
              }
            },
            name);
    threads.add(thread);
    thread.start();
  }

  private void send() throws IOException {
    ByteBuffer packet = ByteBuffer.allocateDirect(PACKET_BYTES);
    long due = System.nanoTime();
    int turn = 0;
    while (!closed) {
      due = Math.max(due + STEP_NANOS, System.nanoTime() - BEHIND_STEPS * STEP_NANOS);
      for (int i = 0; sending && i < perStep; i++) {
        Flow flow = flows.get(turn++ % flows.size());
        packet.clear().putLong(0, flow.sent.get());
        if (flow.client.write(packet) == PACKET_BYTES) {
          flow.sent.incrementAndGet();
        }
      }
      LockSupport.parkNanos(due - System.nanoTime());
    }
  }

  private interface Reader {
    void read(Flow flow, ByteBuffer packet) throws IOException;
  }

  private void receive(Selector selector, Reader reader) throws IOException {
    ByteBuffer packet = ByteBuffer.allocateDirect(2 * PACKET_BYTES);
    while (!closed) {
      selector.select(SELECT_MS);
      for (SelectionKey key : selector.selectedKeys()) {
        reader.read((Flow) key.attachment(), packet);
      }
      selector.selectedKeys().clear();
    }
  }

  private void atServer(Flow flow, ByteBuffer packet) throws IOException {
    for (SocketAddress from = flow.server.receive(packet.clear());
        from != null;
        from = flow.server.receive(packet.clear())) {
      SocketAddress known = flow.source;
      if (known == null) {
        flow.source = from;
      } else if (!from.equals(known)) {
        throw new AssertionError("from " + from + ", and from " + known + " before");
      }
      check(flow.forth.came(packet.getLong(0)), "to the server", packet);
      flow.server.send(packet.flip(), from);
    }
  }

  private void atClient(Flow flow, ByteBuffer packet) throws IOException {
    for (int n = flow.client.read(packet.clear()); n > 0; n = flow.client.read(packet.clear())) {
      check(flow.back.came(packet.getLong(0)), "to the client", packet);
    }
  }

  private static void check(boolean inOrder, String where, ByteBuffer packet) {
    if (!inOrder) {
      throw new AssertionError("doubled or swapped on the way " + where + ": " + packet.getLong(0));
    }
  }

  /** Where the packets come from, of all flows. */
  List<SocketAddress> sources() {
    return flows.stream().map(flow -> flow.source).toList();
  }

  /** Waits until all flows have brought something both ways from now on. */
  void awaitProgress() {
    long[] before = flows.stream().mapToLong(flow -> flow.back.next).toArray();
    Await.until(
        "packets of all flows",
        () -> {
          check();
          for (int i = 0; i < before.length; i++) {
            if (flows.get(i).back.next <= before[i]) {
              return false;
            }
          }
          return true;
        });
  }

  /** Sends no more until {@link #goOn}, and waits until all is back that is to come back. */
  void pause() {
    sending = false;
    // The last of each flow says that all before it have come, or will not.
    Await.until(
        "the last packets are back",
        () -> {
          check();
          return flows.stream().allMatch(flow -> flow.back.next == flow.sent.get());
        });
  }

  /** Sends again. */
  void goOn() {
    sending = true;
  }

  /** Packets that were sent. */
  long sent() {
    return flows.stream().mapToLong(flow -> flow.sent.get()).sum();
  }

  /** Packets that were lost on either way. */
  long lost() {
    return flows.stream().mapToLong(flow -> flow.back.lost.get()).sum();
  }

  private void check() {
    Throwable seen = failure;
    if (seen != null) {
      throw new AssertionError(seen.getMessage(), seen);
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      for (Thread thread : threads) {
        thread.join();
      }
      atServer.close();
      atClient.close();
      for (Flow flow : flows) {
        flow.client.close();
        flow.server.close();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    check();
  }
}

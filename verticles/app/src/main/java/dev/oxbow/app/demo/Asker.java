package dev.oxbow.app.demo;

import dev.oxbow.fdpassing.device.Namespace;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Sends numbered datagrams from one address and port, the next one when the last was answered or
 * when that takes too long; an answer counts whenever it comes. One thread; figures: any.
 *
 * <pre>
 *  0 whose i32   4 number i32
 * </pre>
 */
final class Asker implements AutoCloseable {
  static final int BYTES = 2 * Integer.BYTES;

  private final int whose;
  private final InetSocketAddress server;
  private final Namespace namespace;
  private final DatagramSocket socket;
  private final Map<Integer, Long> unanswered = new ConcurrentHashMap<>();
  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicInteger doubled = new AtomicInteger();
  private final AtomicLong slowestNanos = new AtomicLong();

  /**
   * @param whose tells the server who asks
   * @param port of its own; 0 for any
   */
  Asker(int whose, Network.Place place, int port, InetSocketAddress server) {
    this.whose = whose;
    this.server = server;
    this.namespace = Network.enter(place);
    this.socket = namespace.call(() -> new DatagramSocket(port));
  }

  /**
   * Sends one and waits for its answer.
   *
   * @return whether it came
   */
  boolean ask(int patienceMs) throws IOException {
    int number = sent.getAndIncrement();
    byte[] asked = ByteBuffer.allocate(BYTES).putInt(whose).putInt(number).array();
    long began = System.nanoTime();
    unanswered.put(number, began);
    socket.send(new DatagramPacket(asked, BYTES, server));
    long deadline = began + TimeUnit.MILLISECONDS.toNanos(patienceMs);
    while (unanswered.containsKey(number)) {
      long leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (leftMs <= 0 || !receive((int) leftMs)) {
        return false;
      }
    }
    return true;
  }

  private boolean receive(int patienceMs) throws IOException {
    socket.setSoTimeout(patienceMs);
    DatagramPacket answer = new DatagramPacket(new byte[BYTES], BYTES);
    try {
      socket.receive(answer);
    } catch (SocketTimeoutException e) {
      return false;
    }
    Long since = unanswered.remove(ByteBuffer.wrap(answer.getData()).getInt(Integer.BYTES));
    if (since == null) {
      doubled.incrementAndGet();
    } else {
      slowestNanos.accumulateAndGet(System.nanoTime() - since, Math::max);
    }
    return true;
  }

  int sent() {
    return sent.get();
  }

  /** Answers that came once more. */
  int doubled() {
    return doubled.get();
  }

  /** The longest time that an answer took. */
  long slowestNanos() {
    return slowestNanos.get();
  }

  /** When those were sent that have no answer, by {@link System#nanoTime()}. */
  Map<Integer, Long> unanswered() {
    return Map.copyOf(unanswered);
  }

  @Override
  public void close() {
    socket.close();
    namespace.close();
  }
}

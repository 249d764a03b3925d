package dev.oxbow.service.quota;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Sockets;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one uid holds in a service, its share of the control loop, and threads of its own for what
 * may block: one that reads, and one that closes, because a close may wait for as long as its
 * sender likes (SO_LINGER, FUSE). Control loop only.
 */
public final class Account {
  private static final Logger log = LoggerFactory.getLogger(Account.class);

  /**
   * Descriptors beyond the quota that may wait to be closed before the uid is not read any more.
   */
  private static final int SLACK = 1024;

  private final long uid;
  private final boolean trusted;
  private final QuotaOptions limits;
  private final DescriptorLoop loop;
  private final Share share;
  private final Flight flight;
  private final ThreadPoolExecutor reader;
  private final ThreadPoolExecutor closer;
  private final Promise<Void> closed = Promise.promise();
  private final List<Runnable> relief = new ArrayList<>();
  private List<Closing> closing = new ArrayList<>();
  private int connections;
  private int work;
  private int descriptors;
  private long bytes;

  /** How to close a socket. */
  public enum Manner {
    /** As it is. */
    PLAIN,
    /** Without waiting, whatever SO_LINGER its owner had set: nobody else holds it. */
    NO_LINGER,
    /** With a RST. */
    RESET
  }

  private record Closing(List<Descriptor> descriptors, Manner manner) {}

  Account(long uid, boolean trusted, QuotaOptions limits, DescriptorLoop loop, Flights flights) {
    this.uid = uid;
    this.trusted = trusted;
    this.limits = limits;
    this.loop = loop;
    this.share = new Share(loop);
    this.flight = new Flight(flights);
    this.reader = thread("oxbow-read-" + uid, () -> {});
    this.closer = thread("oxbow-close-" + uid, closed::complete);
  }

  /**
   * A thread that ends when it has nothing to do for a while.
   *
   * @param ended is run when it was shut down and has done all
   */
  private static ThreadPoolExecutor thread(String name, Runnable ended) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, name);
              thread.setDaemon(true);
              return thread;
            }) {
          @Override
          protected void terminated() {
            ended.run();
          }
        };
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }

  public long uid() {
    return uid;
  }

  /** Whether it may share file status flags with our event loops: root and our own uid. */
  public boolean trusted() {
    return trusted;
  }

  public QuotaOptions limits() {
    return limits;
  }

  /** Its share of the control loop's time. */
  public Share share() {
    return share;
  }

  /** Its descriptors that peers have not received yet. */
  public Flight flight() {
    return flight;
  }

  /** Connections, work, descriptors and bytes that it holds now. */
  public int connections() {
    return connections;
  }

  public int work() {
    return work;
  }

  public int descriptors() {
    return descriptors;
  }

  public long bytes() {
    return bytes;
  }

  /** Counts a connection; false when it has as many as it may. */
  public boolean addConnection() {
    if (connections >= limits.getConnections()) {
      return false;
    }
    connections++;
    return true;
  }

  /** Counts a connection that is there already, whether it fits or not. */
  public void countConnection() {
    connections++;
  }

  public void removeConnection() {
    connections--;
  }

  /**
   * Counts a piece of work.
   *
   * @param most as many as it may have
   * @param what they are called, for the message
   * @throws RequestException {@code quota-exceeded}
   */
  public void addWork(int most, String what) {
    if (work >= most) {
      throw exceeded(what, most);
    }
    work++;
  }

  /** Counts a piece of work that is there already, whether it fits or not. */
  public void countWork() {
    work++;
  }

  public void removeWork() {
    work--;
  }

  /** Counts descriptors that came with a request, whatever becomes of them. */
  public void addDescriptors(int count) {
    descriptors += count;
  }

  /**
   * Asks whether the descriptors that were counted fit.
   *
   * @throws RequestException {@code quota-exceeded}
   */
  public void checkDescriptors() {
    if (descriptors > limits.getDescriptors()) {
      throw exceeded("descriptors", limits.getDescriptors());
    }
  }

  /**
   * Runs a task that keeps descriptors which came without a packet, and counts them; not if it
   * fails.
   *
   * @throws RequestException {@code quota-exceeded}; the task was not run then
   */
  public <T> T keeping(int count, Supplier<T> task) {
    addDescriptors(count);
    try {
      checkDescriptors();
      return task.get();
    } catch (RuntimeException e) {
      removeDescriptors(count);
      throw e;
    }
  }

  /**
   * Refuses metadata that is too long.
   *
   * @throws RequestException {@code bad-request}
   */
  public void checkMetadata(RawJson metadata) {
    if (metadata.length() > limits.getMetadataBytes()) {
      throw RequestException.badField(
          "metadata", "longer than " + limits.getMetadataBytes() + " bytes");
    }
  }

  /**
   * Counts bytes that are held for it: metadata, preludes.
   *
   * @throws RequestException {@code quota-exceeded}; they are not counted then
   */
  public void addBytes(long count) {
    if (bytes + count > limits.getHeldBytes()) {
      throw new RequestException(
          ErrorCode.QUOTA_EXCEEDED,
          "heldBytes: uid "
              + uid
              + " holds "
              + bytes
              + " bytes of metadata, preludes and undelivered data; with these "
              + count
              + " it would have more than it may: "
              + limits.getHeldBytes());
    }
    bytes += count;
  }

  /** Counts bytes that are there, whether they fit or not: what a relay could not deliver. */
  public void countBytes(long count) {
    bytes += count;
  }

  /** Bytes were given away or are gone. */
  public void removeBytes(long count) {
    bytes -= count;
  }

  private RequestException exceeded(String what, int most) {
    return new RequestException(
        ErrorCode.QUOTA_EXCEEDED, "uid " + uid + " has as many " + what + " as it may: " + most);
  }

  /** Descriptors were given away or closed. */
  public void removeDescriptors(int count) {
    descriptors -= count;
    if (!overloaded() && !relief.isEmpty()) {
      List<Runnable> waiting = List.copyOf(relief);
      relief.clear();
      waiting.forEach(Runnable::run);
    }
  }

  /** Whether so much waits to be closed that no more may be received from this uid. */
  public boolean overloaded() {
    return descriptors > limits.getDescriptors() + SLACK;
  }

  /** Runs a task once this account is no longer overloaded. */
  public void whenRelieved(Runnable task) {
    relief.add(task);
  }

  /** Runs what takes long, but ends by itself, on this uid's own thread. */
  public void execute(Runnable task) {
    reader.execute(task);
  }

  /** Runs what closes a descriptor of unknown origin, on another thread of this uid's own. */
  public void executeClose(Runnable task) {
    closer.execute(task);
  }

  /** Closes descriptors that were counted here, on the thread for that, soon. */
  public void close(List<Descriptor> gone, Manner manner) {
    if (gone.isEmpty()) {
      return;
    }
    if (closing.isEmpty()) {
      loop.execute(this::flush);
    }
    closing.add(new Closing(gone, manner));
  }

  private void flush() {
    if (closing.isEmpty()) {
      return;
    }
    List<Closing> batch = closing;
    closing = new ArrayList<>();
    if (closer.isShutdown()) {
      // The service has ended: nobody is left whom a close could hold up.
      closeAll(batch);
    } else {
      closer.execute(() -> closeAll(batch));
    }
  }

  private void closeAll(List<Closing> batch) {
    int count = 0;
    for (Closing item : batch) {
      item.descriptors.forEach(descriptor -> closeOne(descriptor, item.manner));
      count += item.descriptors.size();
    }
    int closed = count;
    if (!loop.tryExecute(() -> removeDescriptors(closed))) {
      log.debug("{} closed after the loop had ended, and nobody counts any more", closed);
    }
  }

  private static void closeOne(Descriptor descriptor, Manner manner) {
    try {
      if (manner != Manner.PLAIN && descriptor.isOpen()) {
        // Fails for a pipe, which has no linger.
        Sockets.linger(descriptor.fd(), manner == Manner.RESET);
      }
      descriptor.close();
    } catch (RuntimeException e) {
      // It is closed all the same, and whoever sent it can make this happen at will.
      log.debug("closing {} failed", descriptor, e);
    }
  }

  /** Closes what waits and ends the threads when they have done all; completes then, anywhere. */
  Future<Void> shutDown() {
    flush();
    reader.shutdown();
    closer.shutdown();
    return closed.future();
  }
}

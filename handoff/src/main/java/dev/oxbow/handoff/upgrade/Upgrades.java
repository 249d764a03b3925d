package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.upgrade.HandoffChannel.BrokenException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a process is asked to let itself be replaced: by a signal, by {@code oxbow upgrade}, or by
 * a successor that somebody else has started. One upgrade at a time; a request that comes meanwhile
 * waits, and more of them are one. Two threads of its own, because every step may block.
 */
public final class Upgrades {
  private static final Logger log = LoggerFactory.getLogger(Upgrades.class);

  /** A JVM that has just started on a busy machine takes seconds to send its first message. */
  private static final int FIRST_MESSAGE_MS = 10_000;

  private static final int ANSWER_MS = 2_000;

  private static final long RETRY_NANOS = 100_000_000;

  /** How long somebody who is refused anyway may take to say what he wants. */
  private static final int REFUSED_MESSAGE_MS = 100;

  /** Somebody wants an upgrade. */
  private record Request(@Nullable Arrival arrival) {}

  private final Descriptor listener;
  private final Plan plan;
  private final Arrivals arrivals = new Arrivals();
  private final Faults faults = Faults.parse(System.getenv(Faults.VARIABLE), Side.PREDECESSOR);
  private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final List<HandoffChannel> asking = new ArrayList<>();
  private @Nullable Source running;
  private boolean pending;
  private boolean stopped;

  /**
   * Starts to listen.
   *
   * @param listener SOCK_SEQPACKET, owned by the caller
   */
  public Upgrades(Descriptor listener, Plan plan) {
    this.listener = listener;
    this.plan = plan;
    daemon("oxbow-upgrade-accept", this::acceptForEver);
    daemon("oxbow-upgrade", this::upgradeForEver);
  }

  /** Asks for an upgrade; it begins soon. Any thread. */
  public synchronized void request() {
    if (!pending && !stopped) {
      pending = true;
      requests.add(new Request(null));
    }
  }

  /**
   * No more upgrades: one that runs is rolled back, unless it has committed by then. Comes back
   * when none runs any more. Any thread.
   */
  public synchronized void stop() {
    stopped = true;
    if (running != null) {
      running.stop();
    }
    try {
      while (running != null) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void upgradeForEver() {
    try {
      while (true) {
        Request request = requests.take();
        Source source = begin(request);
        if (source != null) {
          finish(source, source.run());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized @Nullable Source begin(Request request) {
    if (request.arrival == null) {
      pending = false;
    }
    if (stopped) {
      if (request.arrival != null) {
        request.arrival.close();
      }
      return null;
    }
    plan.observer().began();
    running = new Source(plan, arrivals, request.arrival, faults);
    return running;
  }

  private void finish(Source source, UpgradeReport report) {
    try {
      report.save(plan.directory());
    } catch (IOException e) {
      log.warn("the report of the upgrade cannot be saved: {}", e.getMessage());
    }
    if (report.committed()) {
      plan.observer().committed(report);
      source.leave(isPending());
      answer(report);
      plan.observer().left(report);
    } else {
      plan.observer().rolledBack(report);
      answer(report);
    }
    synchronized (this) {
      running = null;
      notifyAll();
    }
  }

  private synchronized boolean isPending() {
    return pending;
  }

  private void answer(UpgradeReport report) {
    List<HandoffChannel> waiting;
    synchronized (this) {
      waiting = List.copyOf(asking);
      asking.clear();
    }
    for (HandoffChannel channel : waiting) {
      try (channel) {
        channel.send(report.write(new MessageWriter()), ANSWER_MS);
      } catch (BrokenException e) {
        log.info("who asked for the upgrade has gone: {}", e.getMessage());
      }
    }
  }

  private void acceptForEver() {
    while (listener.isOpen()) {
      try {
        Sockets.poll(listener.fd(), Sockets.POLLIN, -1);
        int fd = Sockets.accept(listener.fd());
        if (fd >= 0) {
          admit(new HandoffChannel(Descriptor.adopt(fd)), fd);
        }
      } catch (LinuxException | IllegalStateException e) {
        if (listener.isOpen()) {
          log.warn("cannot accept on {}: {}", plan.socket(), e.getMessage());
          LockSupport.parkNanos(RETRY_NANOS);
        }
      }
    }
  }

  /** Takes the first message. A peer that says nothing holds up others for a moment only. */
  private void admit(HandoffChannel channel, int fd) {
    Peer peer = null;
    boolean kept = false;
    try {
      peer = Peer.of(fd);
      boolean may = arrivals.connected(peer.pid()) || plan.mayTakeOver().test(peer.uid());
      // Unread, it would make the peer's next call fail (ECONNRESET) before it sees the refusal.
      Message first = first(channel, may ? FIRST_MESSAGE_MS : REFUSED_MESSAGE_MS);
      kept = may && sorted(channel, peer, first);
      if (!kept) {
        refuse(
            channel,
            may
                ? "neither upgrade nor take-over: " + first
                : "uid " + peer.uid() + " may not replace this process");
      }
    } catch (BrokenException e) {
      log.info("{}: {}", plan.socket(), e.getMessage());
    } finally {
      if (!kept) {
        channel.close();
      }
      if (!kept && peer != null) {
        peer.close();
      }
    }
  }

  private static Message first(HandoffChannel channel, int timeoutMs) {
    HandoffChannel.Received received = channel.receive(timeoutMs);
    Descriptor.closeAll(received.descriptors());
    return received.message();
  }

  private synchronized boolean sorted(HandoffChannel channel, Peer peer, Message first) {
    if (first.has("upgrade")) {
      asking.add(channel);
      peer.close();
      request();
      return true;
    }
    if (!first.has("take-over")) {
      return false;
    }
    Arrival arrival = new Arrival(channel, peer, first);
    if (arrivals.awaits(peer.pid())) {
      arrivals.add(arrival);
    } else {
      requests.add(new Request(arrival));
    }
    return true;
  }

  private static void refuse(HandoffChannel channel, String why) {
    channel.send(new MessageWriter().string("refused", why), ANSWER_MS);
  }

  /**
   * Asks the process that serves a directory for an upgrade, and waits for its end. Blocks.
   *
   * @param socket its hand-over socket
   * @param timeoutMs how long to wait
   * @return the report as it came, JSON
   * @throws IOException when nobody listens, or the answer does not come
   */
  public static byte[] ask(Path socket, int timeoutMs) throws IOException {
    try (HandoffChannel channel =
        new HandoffChannel(dev.oxbow.fdpassing.message.UnixSockets.connect(socket))) {
      channel.send(new MessageWriter().flag("upgrade", true), ANSWER_MS);
      return channel.receive(timeoutMs).json();
    } catch (BrokenException e) {
      throw new IOException(socket + ": " + e.getMessage(), e);
    }
  }
}

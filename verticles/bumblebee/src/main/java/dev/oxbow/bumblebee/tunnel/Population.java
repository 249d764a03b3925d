package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.netlink.NetlinkReader;
import dev.oxbow.codecs.netlink.SocketMessages;
import dev.oxbow.codecs.netlink.SocketReader;
import dev.oxbow.fdpassing.device.NetlinkEvents;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out which connections the kernel has forgotten, so that their records can be used again.
 * Events tell of most of them at once; a census of all sockets now and then tells of the rest: of
 * those whose TIME_WAIT is over, and of those whose event was lost. Control loop only.
 */
final class Population {
  private static final Logger log = LoggerFactory.getLogger(Population.class);

  /** As long as a TIME_WAIT (include/net/tcp.h: TCP_TIMEWAIT_LEN). */
  private static final long PERIOD_NANOS = 60_000_000_000L;

  /** Column of /proc/net/dev: after the name and eight of what was received. */
  private static final int TX_DROPPED = 12;

  private final DescriptorLoop loop;
  private final Environment environment;
  private final Ledger ledger;
  private final IntFunction<TunnelLoop> loops;
  private final IntPredicate left;
  private final Callable<NetlinkSocket> opener;
  private final long periodNanos;
  private final NetlinkReader messages = new NetlinkReader();
  private final SocketReader reader = new SocketReader();
  private @Nullable NetlinkSocket socket;
  private @Nullable NetlinkEvents events;
  private @Nullable Timer timer;
  private boolean listening;
  private boolean underWay;
  private boolean repeat;
  private long censuses;
  private volatile long kernelDropped;

  /**
   * @param loops the loop of a group
   * @param left whether a place in the ledger is taken by no tunnel any more: it is freed when the
   *     kernel has no connection of it
   */
  Population(
      DescriptorLoop loop,
      Environment environment,
      Ledger ledger,
      IntFunction<TunnelLoop> loops,
      IntPredicate left) {
    this(loop, environment, ledger, loops, left, Census::events, PERIOD_NANOS);
  }

  /**
   * @param opener of what events come from
   * @param periodNanos from one census to the next
   */
  Population(
      DescriptorLoop loop,
      Environment environment,
      Ledger ledger,
      IntFunction<TunnelLoop> loops,
      IntPredicate left,
      Callable<NetlinkSocket> opener,
      long periodNanos) {
    this.loop = loop;
    this.environment = environment;
    this.ledger = ledger;
    this.loops = loops;
    this.left = left;
    this.opener = opener;
    this.periodNanos = periodNanos;
  }

  /**
   * Begins to listen, unless it does, and asks once; completes on the control loop.
   *
   * @param goOn whether tunnels live already: they go on without events, too, which each census
   *     asks for anew
   */
  Future<Void> start(boolean goOn) {
    if (listening) {
      return Future.succeededFuture();
    }
    listening = true;
    return listen()
        .recover(goOn ? this::withoutEvents : this::refused)
        .compose(
            v -> {
              tick();
              return Future.succeededFuture();
            });
  }

  private Future<Void> refused(Throwable why) {
    listening = false;
    return Future.failedFuture(why);
  }

  private Future<Void> withoutEvents(Throwable why) {
    log.error("the kernel does not tell which connections end; a census has to", why);
    return Future.succeededFuture();
  }

  private Future<Void> listen() {
    Promise<Void> done = Promise.promise();
    environment.submit(opener, (made, failure) -> loop.execute(() -> opened(made, failure, done)));
    return done.future();
  }

  private void opened(@Nullable NetlinkSocket made, @Nullable Throwable why, Promise<Void> done) {
    if (made == null) {
      done.fail(why);
      return;
    }
    if (listening && events == null) {
      socket = made;
      events = NetlinkEvents.open(loop, made, new Listener());
    } else {
      made.close();
    }
    done.complete();
  }

  /** Stops; completes on the control loop when nothing is under way. */
  Future<Void> stop() {
    listening = false;
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
    if (events != null) {
      events.close();
      events = null;
    }
    if (socket != null) {
      socket.close();
      socket = null;
    }
    Promise<Void> stopped = Promise.promise();
    environment.submit(() -> true, (v, failure) -> loop.execute(stopped::complete));
    return stopped.future();
  }

  /** The namespace whose connections they are. */
  Environment environment() {
    return environment;
  }

  /** How many have been taken. */
  long censuses() {
    return censuses;
  }

  /** Packets that the queues of the tuns had no room for, as of the last look. */
  long kernelDropped() {
    return kernelDropped;
  }

  private void tick() {
    if (listening) {
      census();
      timer = loop.schedule(this::again, periodNanos);
    }
  }

  private void again() {
    if (events == null) {
      listen().recover(this::withoutEvents).onComplete(v -> tick());
    } else {
      tick();
    }
  }

  /** Compares the table with the kernel's sockets; completes when all loops have been told. */
  void census() {
    if (underWay) {
      repeat = true;
      return;
    }
    underWay = true;
    long since = System.nanoTime();
    BitSet over = new BitSet();
    IntStream.range(0, ledger.records()).filter(left).forEach(over::set);
    environment.submit(
        () -> known(over),
        (known, failure) -> {
          if (known != null) {
            for (int group = 0; group < TunnelPlane.GROUPS; group++) {
              sweep(group, known[group], since);
            }
          } else {
            log.error("no census of connections", failure);
            over.clear();
          }
          loop.execute(() -> counted(over));
        });
  }

  private void sweep(int group, BitSet known, long since) {
    TunnelLoop its = loops.apply(group);
    its.execute(() -> its.sweep(group, known, since));
  }

  /**
   * @param over places that were left before, and of which the kernel has nothing
   */
  private void counted(BitSet over) {
    over.stream().forEach(slot -> ledger.record(slot).clear());
    underWay = false;
    censuses++;
    if (repeat && listening) {
      repeat = false;
      census();
    }
  }

  /**
   * Places of the connections that the kernel has, by group. On the namespace's thread.
   *
   * @param over places in the ledger; those that the kernel has connections of are taken out
   */
  private BitSet[] known(BitSet over) throws IOException {
    kernelDropped = transmitDropped(Environment.NAMES);
    BitSet[] known = new BitSet[TunnelPlane.GROUPS];
    for (int group = 0; group < TunnelPlane.GROUPS; group++) {
      known[group] = new BitSet();
    }
    environment
        .census()
        .take(
            (version, low, port) -> {
              int slot = Pool.slot(version, low);
              int place = Pool.connection(version, low, port);
              if (slot < ledger.records() && place >= 0) {
                over.clear(slot);
                known[ledger.groupOf(slot)].set(place);
              }
            });
    return known;
  }

  /**
   * Packets that the queues of interfaces had no room for, by /proc/net/dev.
   *
   * @param prefix of their names
   */
  static long transmitDropped(String prefix) throws IOException {
    long dropped = 0;
    for (String line : Files.readAllLines(Path.of("/proc/thread-self/net/dev"))) {
      String[] words = line.strip().split("[:\\s]+", -1);
      if (words[0].startsWith(prefix) && words.length > TX_DROPPED) {
        dropped += Long.parseLong(words[TX_DROPPED]);
      }
    }
    return dropped;
  }

  private void gone(int version, long low, int port) {
    int slot = Pool.slot(version, low);
    int place = Pool.connection(version, low, port);
    if (slot < ledger.records() && place >= 0) {
      int group = ledger.groupOf(slot);
      TunnelLoop its = loops.apply(group);
      its.run(() -> its.gone(group, slot, place));
    }
  }

  /** Events of the kernel. */
  private final class Listener implements NetlinkEvents.Listener {
    @Override
    public void event(ByteBuffer message) {
      messages.over(message);
      if (messages.next() && messages.type() == SocketMessages.SOCK_DIAG_BY_FAMILY) {
        Census.read(messages, reader, Population.this::gone);
      }
    }

    @Override
    public void resyncNeeded() {
      census();
    }
  }
}

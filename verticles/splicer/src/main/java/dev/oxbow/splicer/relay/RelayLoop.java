package dev.oxbow.splicer.relay;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;
import static dev.oxbow.fdpassing.libc.Syscalls.AGAIN;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.StreamReader;
import dev.oxbow.service.work.BusyPoll;
import dev.oxbow.service.work.Turns;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the relays of one event loop share: its epoll set, one buffer, the clock of the turn and the
 * pipes of its groups. Loop thread only, but for {@link #execute} and {@link #run}.
 */
final class RelayLoop {
  private static final Logger log = LoggerFactory.getLogger(RelayLoop.class);

  /** Larger reads pay for a splice instead. */
  private static final int BUFFER_BYTES = 16 << 10;

  /** See {@link #peekUnix}. */
  static final long STRAYS = -2;

  private final DescriptorLoop loop;
  private final DescriptorLoop control;
  private final Strays strays;
  private final StreamReader reader = new StreamReader();
  private final LoopPipes pipes;
  private final LoopGuard guard = new LoopGuard();
  private final BusyPoll busyPoll;
  private final NativeMemory buffer = NativeMemory.allocate(BUFFER_BYTES);
  private final NativeMemory tcpInfo = NativeMemory.allocate(512);
  private final Pipe copies = Pipe.open(0);
  private final boolean[] frozen = new boolean[DataPlane.GROUPS];
  private final List<List<Relay>> live = new ArrayList<>();
  private boolean shared;
  private long now = System.nanoTime();

  /**
   * @param idleLimit pipes that may stay open without use
   * @param share of all loops in the user's pipe memory
   * @param busyPollMicros see {@link BusyPoll}; 0 for none
   */
  RelayLoop(
      DescriptorLoop loop,
      DescriptorLoop control,
      Strays strays,
      int pipeBytes,
      int idleLimit,
      PipeShare share,
      int busyPollMicros) {
    this.loop = loop;
    this.busyPoll = new BusyPoll(loop::everyTurn, System::nanoTime, busyPollMicros);
    this.control = control;
    this.strays = strays;
    this.pipes = new LoopPipes(this, pipeBytes, idleLimit, share);
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      live.add(new ArrayList<>());
    }
  }

  LoopGuard guard() {
    return guard;
  }

  /** Starts a relay; soon, on the loop. Any thread. */
  void start(Relay relay) {
    loop.execute(
        () -> {
          add(relay);
          relay.start();
          if (!frozen[relay.group()]) {
            relay.thaw();
          }
        });
  }

  private void add(Relay relay) {
    List<Relay> group = live.get(relay.group());
    relay.place = group.size();
    group.add(relay);
  }

  void freeze(int group) {
    frozen[group] = true;
    live.get(group).forEach(Relay::freeze);
  }

  void thaw(int group) {
    frozen[group] = false;
    pipes.reclaim(group, live.get(group));
    List.copyOf(live.get(group)).forEach(Relay::thaw);
  }

  int flows(int group) {
    return live.get(group).size();
  }

  /** Whether another process may have the same descriptors. */
  boolean shared() {
    return shared;
  }

  /** Makes pipes ready for a group that will be shared: a turn for each, since that takes long. */
  void provide(int group) {
    pipes.keep();
    List<Relay> relays = live.get(group);
    if (!relays.isEmpty()) {
      pipes.provide(group, relays.size());
    }
  }

  /**
   * From here on another process may have to go on at any moment. No pipe is made from here on.
   *
   * @param groups those of this loop
   */
  void share(List<Integer> groups) {
    for (int group : groups) {
      provide(group);
      live.get(group).forEach(relay -> relay.shareSockets(true));
    }
    shared = true;
  }

  /** This process alone goes on: gives back what is over, and does what had to wait. */
  void unshare() {
    shared = false;
    pipes.unshare();
    for (List<Relay> group : live) {
      for (Relay relay : List.copyOf(group)) {
        relay.shareSockets(false);
        relay.record().convert();
        relay.resume();
      }
    }
  }

  /** Makes this loop one that takes over: all of its groups are frozen, and shared. */
  void inherit() {
    shared = true;
    pipes.keep();
    Arrays.fill(frozen, true);
  }

  /** A relay that another process began; soon, on the loop. Any thread. */
  void adopt(Relay relay) {
    loop.execute(() -> add(relay));
  }

  /** A pipe that another process numbered; before the loop has relays. */
  void adopt(int group, int number, Pipe pipe) {
    pipes.of(group).adopt(number, pipe);
  }

  /** Forgets its relays, all of them frozen, as if this process had ended. */
  void abandon() {
    live.forEach(List::clear);
    pipes.abandon();
  }

  /** Closes pipes and buffers; no relay lives any more. */
  void close() {
    copies.close();
    pipes.close();
  }

  void execute(Runnable task) {
    loop.execute(task);
  }

  /** Runs a step on the loop, soon; completes there. Any thread. */
  Future<Void> call(Runnable step) {
    return Turns.call(loop, step);
  }

  void run(Runnable task) {
    loop.run(task);
  }

  Timer schedule(Runnable task, long delayNanos) {
    return loop.schedule(task, delayNanos);
  }

  Registration register(int fd, int events, Readiness readiness) {
    return loop.register(fd, events, readiness);
  }

  /** A message has passed, and an answer may follow soon. */
  void messagePassed() {
    // While two processes share the processors, neither waits on one.
    if (!shared) {
      busyPoll.messagePassed(now);
    }
  }

  /** A relay's turn begins. */
  void enter(Relay relay) {
    readClock();
    guard.enter(relay);
  }

  /** A relay's turn is over. */
  void leave() {
    guard.leave();
  }

  void readClock() {
    now = System.nanoTime();
  }

  /** CLOCK_MONOTONIC at the beginning of the turn, in nanoseconds. */
  long now() {
    return now;
  }

  /** Address of a buffer that is free between two system calls of a turn. */
  long buffer() {
    return buffer.address();
  }

  int bufferBytes() {
    return BUFFER_BYTES;
  }

  /** The pipes of its groups. */
  LoopPipes pipes() {
    return pipes;
  }

  /**
   * Sends from a pipe without relying on any flag of the socket: duplicates what is in the pipe,
   * sends the duplicate, and takes out of the pipe what the socket took.
   *
   * @return bytes, or {@link Syscalls#AGAIN}
   */
  long sendFromPipe(Pipe full, int to, long length) {
    int in = full.readEnd().fd();
    long most = Math.min(length, BUFFER_BYTES);
    long teed = Syscalls.tee(in, copies.writeEnd().fd(), most);
    long n = Syscalls.read(copies.readEnd().fd(), buffer.address(), BUFFER_BYTES);
    if (teed <= 0 || n != teed) {
      throw new IllegalStateException("tee gave " + teed + " bytes, and read " + n);
    }
    long sent = Sockets.send(to, buffer.address(), n, MSG_DONTWAIT);
    for (long gone = 0; sent != AGAIN && gone < sent; ) {
      gone += Syscalls.read(in, buffer.address(), sent - gone);
    }
    return sent;
  }

  /**
   * Receives from an AF_UNIX socket into the buffer, without waiting; descriptors that come with
   * the bytes are given out to be closed.
   *
   * @param flags MSG_PEEK or 0
   */
  long receiveFromUnix(long uid, int from, long length, int flags) {
    long n = reader.receive(from, buffer.address(), length, flags);
    List<Descriptor> attached = reader.strays();
    if (n >= 0 && !attached.isEmpty()) {
      control.execute(() -> strays.came(uid, attached));
    }
    return n;
  }

  /**
   * How many bytes of an AF_UNIX socket can be spliced: none if descriptors came with any of them,
   * since the kernel does not tell with which.
   *
   * @return bytes, 0 at the end, {@link Syscalls#AGAIN}, or {@link #STRAYS}
   */
  long peekUnix(int from, long length) {
    long n = reader.peek(from, buffer.address(), Math.min(length, BUFFER_BYTES));
    return reader.truncated() ? STRAYS : n;
  }

  /** TCP_INFO of a socket, or null when it is not TCP. */
  @Nullable TcpInfo tcpInfo(int fd) {
    int length = Sockets.tcpInfo(fd, tcpInfo);
    return length == 0 ? null : new TcpInfo(tcpInfo.bytes(0, length));
  }

  /** The state of a TCP connection, as in include/net/tcp_states.h; 0 for another socket. */
  int tcpState(int fd) {
    return Sockets.tcpInfo(fd, tcpInfo) == 0 ? 0 : tcpInfo.getByte(0);
  }

  /** Runs a task on the control loop. */
  void tell(Runnable task) {
    control.execute(task);
  }

  /** A relay is over: forgets it and tells the control loop. */
  void finished(Relay relay, Runnable tell) {
    List<Relay> group = live.get(relay.group());
    Relay last = group.remove(group.size() - 1);
    if (last != relay) {
      last.place = relay.place;
      group.set(relay.place, last);
    }
    tell(tell);
  }

  void report(String what, RuntimeException e) {
    log.error(what, e);
  }
}

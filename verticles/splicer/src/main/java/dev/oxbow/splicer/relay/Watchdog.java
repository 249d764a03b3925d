package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.libc.Sockets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Frees a loop that hangs in splice(2). The flag O_NONBLOCK belongs to the open file description,
 * so whoever holds a copy of a relayed socket can clear it, and the next splice blocks, with or
 * without SPLICE_F_NONBLOCK. A loop that has been in one turn for too long and, as the kernel tells
 * (proc(5), /proc/pid/task/tid/syscall), is in splice, gets its socket shut down, which wakes it. A
 * loop that is merely slow is left alone.
 */
final class Watchdog implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(Watchdog.class);

  // arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h
  private static final String SPLICE =
      System.getProperty("os.arch").equals("aarch64") ? "76" : "275";

  private static final int LOOKS_PER_STALL = 4;

  private final List<RelayLoop> loops;
  private final long lookNanos;
  private final long[] turns;
  private final int[] looks;
  private final Thread thread;
  private volatile boolean stopped;
  private final AtomicLong stalls = new AtomicLong();

  Watchdog(List<RelayLoop> loops, long stallMs) {
    this.loops = loops;
    this.lookNanos = TimeUnit.MILLISECONDS.toNanos(stallMs) / LOOKS_PER_STALL;
    this.turns = new long[loops.size()];
    this.looks = new int[loops.size()];
    this.thread = new Thread(this, "oxbow-watchdog");
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  void stop() {
    stopped = true;
    LockSupport.unpark(thread);
  }

  /** Sockets that were shut down because they held a loop. */
  long stalls() {
    return stalls.get();
  }

  @Override
  public void run() {
    while (!stopped) {
      LockSupport.parkNanos(lookNanos);
      for (int i = 0; i < turns.length; i++) {
        look(i);
      }
    }
  }

  private void look(int i) {
    LoopGuard guard = loops.get(i).guard();
    long turn = guard.turns();
    if (!guard.inTurn() || turn != turns[i]) {
      turns[i] = turn;
      looks[i] = 0;
    } else if (++looks[i] >= LOOKS_PER_STALL) {
      looks[i] = 0;
      try {
        free(guard, turn);
      } catch (IOException | RuntimeException e) {
        log.warn("an event loop seems to hang, and cannot be looked at", e);
      }
    }
  }

  private void free(LoopGuard guard, long turn) throws IOException {
    Path file = guard.syscallFile();
    if (file == null) {
      return;
    }
    Relay relay = guard.claim(turn);
    if (relay == null) {
      return;
    }
    try {
      String[] call = Files.readString(file).split(" ", -1);
      if (!call[0].equals(SPLICE)) {
        return;
      }
      Side side = holder(relay.spec(), number(call[1]), number(call[3]));
      if (side != null) {
        relay.stalled(side);
        stalls.incrementAndGet();
        Sockets.shutdown(side == Side.A ? relay.spec().a() : relay.spec().b(), Sockets.SHUT_RDWR);
        log.warn(
            "relay {} of uid {}: socket {} blocked its event loop and was shut down; was"
                + " O_NONBLOCK cleared by another process?",
            Long.toString(relay.spec().id(), 36),
            relay.spec().uid(),
            side.wireName());
      }
    } finally {
      guard.unclaim();
    }
  }

  private static @Nullable Side holder(RelaySpec spec, int in, int out) {
    if (in == spec.a() || out == spec.a()) {
      return Side.A;
    }
    return in == spec.b() || out == spec.b() ? Side.B : null;
  }

  private static int number(String hexadecimal) {
    return Integer.parseInt(hexadecimal.substring(2), 16);
  }
}

package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Timer;
import dev.oxbow.fish.ports.FlowTable;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks after the table of flows, a part of it at a time: connections that nobody uses end, and
 * ports that have rested are free. A part in which many do takes several turns of the loop, so that
 * packets do not wait. Loop thread only.
 */
final class Sweep {

  /** A port is not given out again before: RFC 6888, REQ-8. */
  static final long REST_NANOS = TimeUnit.SECONDS.toNanos(120);

  /** For so long one whose partner cannot be asked is not given out. */
  private static final long HELD_NANOS = TimeUnit.DAYS.toNanos(1);

  /** RFC 5382, REQ-5: two hours and four minutes. */
  private static final long TCP_NANOS = TimeUnit.SECONDS.toNanos(7_440);

  /** A SYN that nobody answers: the kernel's nf_conntrack_tcp_timeout_syn_sent. */
  private static final long TCP_SYN_NANOS = TimeUnit.SECONDS.toNanos(120);

  /** RFC 4787, REQ-5: five minutes. */
  private static final long UDP_NANOS = TimeUnit.SECONDS.toNanos(300);

  /** RFC 5508, REQ-1. */
  private static final long ICMP_NANOS = TimeUnit.SECONDS.toNanos(60);

  /** The whole table within ten seconds, at ten steps a second. */
  private static final int STEPS = 100;

  /** Of a small table all is looked at in a moment. */
  private static final int STEP_MIN = 1024;

  private final DescriptorLoop loop;
  private final FlowTable flows;
  private final Mappings mappings;
  private final LongSupplier clock;
  private @Nullable Timer later;
  private int next;

  /** How much of the part is to be looked at yet. */
  private int left;

  private long restingSeen;
  private long resting;

  /** What is away was told since then, or is so no longer. */
  private long awaySinceNanos = Long.MAX_VALUE;

  private IntPredicate held = flow -> false;

  /**
   * @param clock tells the time to all who note it
   */
  Sweep(DescriptorLoop loop, FlowTable flows, Mappings mappings, LongSupplier clock) {
    this.loop = loop;
    this.flows = flows;
    this.mappings = mappings;
    this.clock = clock;
  }

  /** Ports that rest, as of the last time that the whole table was looked at. */
  long resting() {
    return resting;
  }

  /** The partner has told of all that it has taken over, since then; else it rests here. */
  void away(long sinceNanos) {
    awaySinceNanos = sinceNanos;
  }

  /**
   * Sets who says that a partner may have a connection that is over here: its port is not free for
   * a day.
   */
  void hold(IntPredicate by) {
    held = by;
  }

  /** Looks at the next part, some of it now. */
  void step() {
    int part = Math.max(STEP_MIN, (flows.capacity() + STEPS - 1) / STEPS);
    left = Math.min(flows.capacity(), left + part);
    if (later == null) {
      some();
    }
  }

  /** Touches no table any more. */
  void freeze() {
    left = 0;
    Timer own = later;
    if (own != null) {
      own.cancel();
      later = null;
    }
  }

  private void some() {
    later = null;
    long nowNanos = clock.getAsLong();
    int ends = 0;
    for (int i = 0; left > 0 && i < SessionFlows.LOOKS && ends < SessionFlows.ENDS; i++) {
      ends += look(next, nowNanos) ? 1 : 0;
      left--;
      next++;
      if (next == flows.capacity()) {
        next = 0;
        resting = restingSeen;
        restingSeen = 0;
      }
    }
    mappings.settle();
    if (left > 0) {
      later = loop.schedule(this::some, 0);
    }
  }

  /** Whether the kernel is asked for something. */
  private boolean look(int flow, long nowNanos) {
    int state = flows.state(flow);
    long idleNanos = state == FlowTable.FREE ? 0 : nowNanos - flows.lastNanos(flow);
    if (state == FlowTable.RESTING) {
      restingSeen++;
      if ((flows.flags(flow) & FlowTable.AWAY) != 0) {
        away(flow, nowNanos);
      } else if (idleNanos > REST_NANOS && (idleNanos > HELD_NANOS || !held.test(flow))) {
        mappings.free(flow);
        return true;
      }
    } else if (state == FlowTable.LIVE && idleNanos > limit(flow)) {
      mappings.forget(flow);
      return true;
    }
    return false;
  }

  private void away(int flow, long nowNanos) {
    long lastNanos = flows.lastNanos(flow);
    if (lastNanos < awaySinceNanos || nowNanos - lastNanos > HELD_NANOS) {
      flows.setFlags(flow, flows.flags(flow) & ~FlowTable.AWAY);
      flows.touch(flow, nowNanos);
    }
  }

  private long limit(int flow) {
    return switch (flows.protocol(flow)) {
      case IpProtocol.TCP ->
          (flows.flags(flow) & FlowTable.ANSWERED) != 0 ? TCP_NANOS : TCP_SYN_NANOS;
      case IpProtocol.UDP -> UDP_NANOS;
      default -> ICMP_NANOS;
    };
  }
}

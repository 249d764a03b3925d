package dev.oxbow.fish.session;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fish.ports.FlowTable;
import java.util.concurrent.TimeUnit;

/**
 * Looks after the table of flows, a part of it at a time: connections that nobody uses end, and
 * ports that have rested are free. Loop thread only.
 */
final class Sweep {

  /** A port is not given out again before: RFC 6888, REQ-8. */
  static final long REST_NANOS = TimeUnit.SECONDS.toNanos(120);

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

  private final FlowTable flows;
  private final Mappings mappings;
  private int next;
  private long restingSeen;
  private long resting;

  Sweep(FlowTable flows, Mappings mappings) {
    this.flows = flows;
    this.mappings = mappings;
  }

  /** Ports that rest, as of the last time that the whole table was looked at. */
  long resting() {
    return resting;
  }

  /** Looks at the next part. */
  void step(long nowNanos) {
    int count =
        Math.min(flows.capacity(), Math.max(STEP_MIN, (flows.capacity() + STEPS - 1) / STEPS));
    for (int i = 0; i < count; i++) {
      look(next, nowNanos);
      next++;
      if (next == flows.capacity()) {
        next = 0;
        resting = restingSeen;
        restingSeen = 0;
      }
    }
  }

  private void look(int flow, long nowNanos) {
    int state = flows.state(flow);
    long idleNanos = state == FlowTable.FREE ? 0 : nowNanos - flows.lastNanos(flow);
    if (state == FlowTable.RESTING) {
      restingSeen++;
      if (idleNanos > REST_NANOS) {
        mappings.free(flow);
      }
    } else if (state == FlowTable.LIVE && idleNanos > limit(flow)) {
      mappings.forget(flow);
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

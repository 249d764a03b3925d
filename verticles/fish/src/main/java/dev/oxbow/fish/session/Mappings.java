package dev.oxbow.fish.session;

import static dev.oxbow.fish.ports.FlowTable.ALONE;
import static dev.oxbow.fish.ports.FlowTable.FREE;
import static dev.oxbow.fish.ports.FlowTable.LIVE;
import static dev.oxbow.fish.ports.FlowTable.PROPOSED;
import static dev.oxbow.fish.ports.FlowTable.RESTING;
import static dev.oxbow.fish.ports.FlowTable.UNMAPPED;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.codecs.netlink.TcpResumption;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fish.conntrack.Conntrack;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.SessionSpec.Range;
import org.jspecify.annotations.Nullable;

/**
 * Which connection has which port: asks the tables for one, asks the kernel whether it may be, and
 * keeps both in step. Requests are gathered while a batch of packets is looked at; {@link #settle}
 * has them answered before the packets go on. Loop thread only; nothing is allocated per packet.
 */
final class Mappings implements Conntrack.Outcomes {

  /** No port is left. */
  static final int NO_PORT = -1;

  /** No record is left. */
  static final int NO_RECORD = -2;

  /** The session has no address of this version. */
  static final int NO_ADDRESS = -3;

  /**
   * Ports that are tried at once, for all packets of a batch, when others than Fish have them. The
   * next packet goes on where this one ended, since such ports are noted.
   */
  private static final int TRIES = 1024;

  /** Until the first packet, which brings the namespace's own time limit. */
  private static final int INSERT_TIMEOUT_SECONDS = 120;

  private static final int BEGIN = 0;
  private static final int RENEW = 1;
  private static final int PROBE = 2;
  private static final int RESUME = 3;
  private static final int FORGET = 4;
  private static final int CHECK = 5;
  private static final int CLEAR = 6;
  private static final int AGAIN = 7;
  private static final int UNANSWERED = -1;
  private static final int NO_FLOW = -1;

  private final Conntrack conntrack;
  private final FlowTable flows;
  private final Pools pools;
  private final Ports ports;
  private final ConntrackTuple tuple = new ConntrackTuple();

  /** What was asked for, by tag. */
  private final int[] flowOf = new int[Conntrack.BATCH];

  private final int[] kindOf = new int[Conntrack.BATCH];
  private final int[] errnoOf = new int[Conntrack.BATCH];
  private final @Nullable Range[] rangeOf = new Range[Conntrack.BATCH];
  private final boolean[] aloneOf = new boolean[Conntrack.BATCH];
  private int count;
  private int tries;

  /** Why the kernel was against a flow, or against its record's last one: DropReason's code. */
  private final byte[] refusals;

  private long nowNanos;

  Mappings(Conntrack conntrack, FlowTable flows, Pools pools, Ports ports) {
    this.conntrack = conntrack;
    this.flows = flows;
    this.pools = pools;
    this.ports = ports;
    this.refusals = new byte[flows.capacity()];
  }

  /** Sets the time that new entries get. */
  void now(long nanos) {
    nowNanos = nanos;
  }

  /**
   * Begins a connection; after {@link #makeRoom} for it.
   *
   * @return its flow, {@link FlowTable#PROPOSED} until {@link #settle}; or {@link #NO_PORT}, {@link
   *     #NO_RECORD}, {@link #NO_ADDRESS}
   */
  int begin(
      Session session,
      int version,
      int client,
      int protocol,
      int clientPort,
      long high,
      long low,
      int remotePort) {
    boolean alone = session.spec.mapping() == Mapping.ENDPOINT_INDEPENDENT;
    int ranges = session.spec.egress().size();
    Range tried = null;
    for (int i = 0; i < ranges; i++) {
      // A client keeps to one address as long as it can: RFC 4787, REQ-2.
      Range range = session.spec.egress().get((client + i) % ranges);
      if (!range.isVersion(version)) {
        continue;
      }
      tried = range;
      int port = ports.find(range, alone, client, protocol, clientPort, high, low, remotePort);
      if (port >= 0) {
        int flow =
            ports.take(range, alone, client, protocol, clientPort, high, low, remotePort, port);
        if (flow >= 0) {
          ask(flow, BEGIN, range, alone);
        }
        return flow < 0 ? NO_RECORD : flow;
      }
    }
    return tried == null ? NO_ADDRESS : ports.ranShort(tried);
  }

  /** A SYN on a flow that is over: the kernel's entry would vanish under it, so it is made anew. */
  void renew(int flow) {
    makeRoom();
    add(flow, FORGET, null, false);
    conntrack.delete(count - 1, tuple(flow));
    flows.setState(flow, PROPOSED);
    flows.setFlags(flow, flows.flags(flow) & ALONE);
    flows.setSinceMs(flow, System.currentTimeMillis());
    makeRoom();
    ask(flow, RENEW, null, false);
  }

  /** Makes sure that the kernel still has the entry; if it has, nothing changes. */
  void probe(int flow) {
    makeRoom();
    ask(flow, PROBE, null, false);
  }

  /** The kernel has lost the entry of a connection that lives: makes it again as it was. */
  void resume(int flow) {
    makeRoom();
    ask(flow, RESUME, null, false);
  }

  /** The connection is over for the kernel, too; its port rests from now on. */
  void forget(int flow) {
    makeRoom();
    add(flow, FORGET, null, false);
    conntrack.delete(count - 1, tuple(flow));
    rest(flow);
  }

  /** An entry of the kernel's that no flow has. */
  void forget(ConntrackTuple original) {
    makeRoom();
    add(NO_FLOW, FORGET, null, false);
    conntrack.delete(count - 1, original);
  }

  /**
   * Gives up what a process before this one had asked for and not seen answered: nobody knows
   * whether the kernel has it, and no packet of it has been sent.
   */
  void forgetProposed() {
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (flows.state(flow) == PROPOSED) {
        forget(flow);
      }
    }
    settle();
  }

  /** Its port has rested; should the kernel still have the entry, that goes, too. */
  void free(int flow) {
    if (flows.client(flow) != Ports.NOBODY) {
      makeRoom();
      add(flow, FORGET, null, false);
      conntrack.delete(count - 1, tuple(flow));
    }
    ports.release(flow);
  }

  /** Its port rests from now on; the kernel's entry goes by itself. */
  void rest(int flow) {
    flows.setState(flow, RESTING);
    flows.touch(flow, nowNanos);
  }

  /** Settles when there is no room for another request: numbers of clients may become free. */
  void makeRoom() {
    if (conntrack.isFull() || count == Conntrack.BATCH) {
      settle();
    }
  }

  private void ask(int flow, int kind, @Nullable Range range, boolean alone) {
    add(flow, kind, range, alone);
    boolean tcp = flows.protocol(flow) == IpProtocol.TCP;
    conntrack.insert(
        count - 1,
        tuple(flow),
        flows.outerHigh(flow),
        flows.outerLow(flow),
        flows.outerPort(flow),
        kind != RESUME ? INSERT_TIMEOUT_SECONDS : tcp ? 7_440 : 300,
        tcp && kind == RESUME ? resumption(flow) : null);
  }

  private void add(int flow, int kind, @Nullable Range range, boolean alone) {
    flowOf[count] = flow;
    kindOf[count] = kind;
    rangeOf[count] = range;
    aloneOf[count] = alone;
    errnoOf[count] = UNANSWERED;
    count++;
  }

  private TcpResumption resumption(int flow) {
    int client = flows.scaleClient(flow);
    int server = flows.scaleServer(flow);
    return client < 0 || server < 0 ? TcpResumption.LIBERAL : new TcpResumption(client, server);
  }

  private ConntrackTuple tuple(int flow) {
    int client = flows.client(flow);
    int version = pools.version(client);
    return tuple
        .of(version, flows.protocol(flow))
        .source(pools.high(version), pools.low(version, client), flows.clientPort(flow))
        .destination(flows.remoteHigh(flow), flows.remoteLow(flow), flows.remotePort(flow));
  }

  /** Has everything answered that was asked for. */
  void settle() {
    tries = 0;
    while (!conntrack.isEmpty()) {
      int answered = count;
      count = 0;
      conntrack.send(this);
      for (int i = 0; i < answered; i++) {
        settle(i);
      }
    }
  }

  /** Its place in the batch is free then: whatever comes later has been answered. */
  private void settle(int i) {
    int flow = flowOf[i];
    int errno = errnoOf[i];
    switch (kindOf[i]) {
      case BEGIN, AGAIN -> begun(i, flow, errno);
      // Whether there was one or not: if there still is, the next answer says so.
      case CLEAR -> ask(flow, AGAIN, rangeOf[i], aloneOf[i]);
      case PROBE, RESUME -> {
        if (errno == Errno.EEXIST) {
          // Our own entry is there after all, or somebody else has got the port: ask which.
          add(flow, CHECK, null, false);
          conntrack.check(count - 1, tuple(flow));
        } else {
          known(flow, errno);
        }
      }
      case RENEW, CHECK -> known(flow, errno);
      default -> {
        // Deleted, or gone before.
      }
    }
  }

  private void known(int flow, int errno) {
    if (errno == 0) {
      live(flow);
    } else {
      lost(flow, errno);
    }
  }

  private void begun(int i, int flow, int errno) {
    if (errno == 0 || errno == Errno.EAGAIN) {
      flows.setSinceMs(flow, System.currentTimeMillis());
      // If nobody knows, the kernel may have the entry: so the flow keeps its port.
      known(flow, errno);
      ports.uses().taken(flow);
      return;
    }
    Range range = rangeOf[i];
    boolean alone = aloneOf[i];
    if (errno != Errno.EEXIST || range == null) {
      refuse(flow, errno == Errno.ENOMEM ? DropReason.TABLE_FULL : DropReason.KERNEL);
      ports.release(flow);
    } else if (kindOf[i] == BEGIN) {
      // One of ours that could not be deleted when it was over would be against every port.
      add(flow, CLEAR, range, alone);
      conntrack.delete(count - 1, tuple(flow));
    } else {
      boolean more = tries++ < TRIES;
      if (more && ports.foreign(flow, range, alone) >= 0) {
        ask(flow, AGAIN, range, alone);
      } else {
        refuse(flow, more ? DropReason.EXHAUSTED : DropReason.TAKEN);
        ports.releaseForeign(flow, range.slice());
      }
    }
  }

  private void refuse(int flow, DropReason reason) {
    refusals[flow] = (byte) reason.code();
  }

  /** Why the kernel was against a flow. */
  DropReason refusal(int flow) {
    return DropReason.of(refusals[flow]);
  }

  private void live(int flow) {
    flows.setState(flow, LIVE);
    flows.setFlags(flow, flows.flags(flow) & ~UNMAPPED);
    flows.touch(flow, nowNanos);
  }

  private void lost(int flow, int errno) {
    flows.setFlags(flow, flows.flags(flow) | UNMAPPED);
    if (errno == Errno.EAGAIN) {
      // Nobody knows: the next packet asks again.
      flows.setState(flow, LIVE);
      flows.touch(flow, nowNanos);
    } else {
      rest(flow);
    }
    boolean theirs = errno == Errno.EEXIST || errno == Errno.ENOENT;
    refuse(
        flow,
        theirs
            ? DropReason.TAKEN
            : errno == Errno.ENOMEM ? DropReason.TABLE_FULL : DropReason.KERNEL);
  }

  @Override
  public void inserted(int tag, int errno) {
    errnoOf[tag] = errno;
  }

  @Override
  public void deleted(int tag, int errno) {
    errnoOf[tag] = errno;
  }

  /** The kernel says that an entry is gone; its flow may not know yet. */
  void destroyed(ConntrackTuple original) {
    int flow = find(original);
    if (flow >= 0 && flows.state(flow) == LIVE) {
      doubt(flow);
    }
  }

  /** The flow that an entry of the kernel's belongs to, resting ones included, or -1. */
  int find(ConntrackTuple original) {
    int client = pools.clientOf(original.version(), original.sourceHigh(), original.sourceLow());
    return client < 0
        ? -1
        : flows.find(
            client,
            original.protocol(),
            original.sourcePort(),
            original.destinationHigh(),
            original.destinationLow(),
            original.destinationPort());
  }

  /** The kernel has no entry of it: it is made again when it is used. */
  void doubt(int flow) {
    flows.setFlags(flow, flows.flags(flow) | UNMAPPED);
  }

  /** Nobody knows which entries the kernel still has: each is made sure of when it is used. */
  void doubtAll() {
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (flows.state(flow) == LIVE) {
        doubt(flow);
      }
    }
  }

  /** Whether a packet of the flow may go on. */
  boolean open(int flow) {
    int state = flows.state(flow);
    return state != FREE && state != PROPOSED && (flows.flags(flow) & UNMAPPED) == 0;
  }
}

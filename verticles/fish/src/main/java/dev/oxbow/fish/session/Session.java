package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fish.replica.SessionName;
import dev.oxbow.fish.replica.SharedSession;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.PacketCounts;
import org.jspecify.annotations.Nullable;

/** A session that runs. Loop thread only. */
public final class Session {
  private static final long EXHAUSTED_EVERY_NANOS = 1_000_000_000;

  final SessionSpec spec;
  final SessionRecord record;
  final SessionPlane.Observer observer;
  final FlowPort port;

  /** Its own connections, and those of all sessions of its uid. */
  final Allowance own;

  final Allowance uid;

  /** What the partner of a pair is told of it; null when nobody may take it up again. */
  final @Nullable SharedSession shared;

  /** There while packets are carried. */
  @Nullable Registration registration;

  boolean scheduled;

  /** Of its clients, which {@link Residents} keeps; 0 for none. */
  int firstClient;

  /** Of packets that the flow had no room for. */
  int queue = HeldPackets.NONE;

  /** Whether it had to give way there, and its flow has taken nothing since. */
  boolean standing;

  // Of the batch that comes from the tun: the packets that are this session's.
  int firstPacket = -1;
  int lastPacket;

  /** The other end of the flow is closed; what it had sent before is still there. */
  boolean ending;

  /** Connections that it has taken up of a session that was lost. */
  int resumed;

  private static final long ANSWERS_NANOS = 100_000_000;
  private static final int ANSWERS = 10;

  private long exhaustedNanos;
  private long answersNanos;
  private int answers;
  private boolean exhausted;

  Session(
      SessionSpec spec,
      SessionRecord record,
      SessionPlane.Observer observer,
      Allowances allowances) {
    this.spec = spec;
    this.record = record;
    this.observer = observer;
    SessionName name = spec.owner().shared();
    this.shared = name == null ? null : new SharedSession(record.slot(), name);
    this.own = allowances.ofSession(spec.owner().uid());
    this.uid = allowances.of(spec.owner().uid());
    this.port = FlowPort.of(spec.flow(), spec.kind(), spec.vnetHdr(), spec.mtu());
  }

  /** Its id. */
  public long id() {
    return spec.id();
  }

  /** Its place in the ledger. */
  public int slot() {
    return record.slot();
  }

  /** Connections that it has taken up of a session that was lost. */
  public int resumed() {
    return resumed;
  }

  /** Its flow took messages. */
  void took(int messages) {
    record.countOut(messages);
    standing &= messages == 0;
  }

  void drop(DropReason reason) {
    drop(reason, 1);
  }

  void drop(DropReason reason, int packets) {
    record.countDropped(reason, packets);
  }

  /** Why it may not begin another connection now; null when it does. */
  @Nullable DropReason begin(long nowNanos) {
    return own.isFull() || uid.isFull() ? DropReason.FLOW_QUOTA : renew(nowNanos);
  }

  /** Why it may not begin one now that takes the place of one that is over; null when it does. */
  @Nullable DropReason renew(long nowNanos) {
    if (!own.begins().has(nowNanos) || !uid.begins().has(nowNanos)) {
      return DropReason.FLOW_RATE;
    }
    own.begins().take();
    uid.begins().take();
    return null;
  }

  /** Whether the owner is to be told that ports are exhausted: once a second. */
  boolean tellExhausted(long nowNanos) {
    if (exhausted && nowNanos - exhaustedNanos < EXHAUSTED_EVERY_NANOS) {
      return false;
    }
    exhausted = true;
    exhaustedNanos = nowNanos;
    return true;
  }

  /** Whether the sender of one more packet may be told that it went no further: 100 a second. */
  boolean mayAnswer(long nowNanos) {
    if (answers == 0 || nowNanos - answersNanos >= ANSWERS_NANOS) {
      answersNanos = nowNanos;
      answers = 0;
    }
    return answers++ < ANSWERS;
  }

  /** Its counters. */
  public PacketCounts packets() {
    return record.packets();
  }

  /** Nanoseconds since it began. */
  public long ageNanos() {
    return System.nanoTime() - record.startNanos();
  }

  /** Nanoseconds since a packet came or went. */
  public long idleNanos() {
    return System.nanoTime() - record.activityNanos();
  }
}

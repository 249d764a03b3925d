package dev.oxbow.fish.replica;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowChanges;
import dev.oxbow.fish.ports.FlowTable;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tells the partner of sessions, at once, and of connections, some in each turn: those that
 * somebody may take up again, once they are old enough, and their ends. What cannot be sent now
 * stays due, and is told as it is then. Nothing is allocated per connection. Loop thread only.
 */
public final class FlowExport {

  /** Connections that are told in one turn. */
  private static final int TURN_FLOWS = 4 * Chunk.FLOWS_MOST;

  /** Connections that are looked at in one turn. */
  private static final int TURN_LOOKS = 1 << 14;

  /** The way to the partner: in order, or not at all. */
  public interface Outlet {

    /** Whether it takes messages now. */
    boolean isReady();

    /** Sends one, which is the outlet's from here on; never blocks. */
    void send(byte[] message);
  }

  /** Whose a client is. */
  public interface Owners {

    /** The session of a client, or null when nobody may take it up again. */
    @Nullable SharedSession session(int client);
  }

  private final FlowTable flows;
  private final ClientTable clients;
  private final FlowChanges changes;
  private final Owners owners;
  private final int sessions;
  private final FlowImage image = new FlowImage();
  private final Chunk.Filling begun = new Chunk.Filling(Chunk.BEGIN);
  private final Chunk.Filling fresh = new Chunk.Filling(Chunk.SESSIONS);
  private final Chunk.Filling over = new Chunk.Filling(Chunk.OVER);
  private final Chunk.Filling live = new Chunk.Filling(Chunk.FLOWS);
  private final Chunk.Filling soon = new Chunk.Filling(Chunk.SOON);
  private final Chunk.Filling ended = new Chunk.Filling(Chunk.ENDS);
  private final Set<SharedSession> open = new HashSet<>();
  private @Nullable Outlet outlet;
  private boolean opened;
  private long round;
  private int sequence;
  private int next;
  private boolean complete;
  private long known;
  private long told;
  private long ends;
  private long bytes;

  /**
   * @param flows whose changes are noted from here on
   * @param sessions that there can be
   * @param changes where they are noted
   */
  public FlowExport(
      FlowTable flows, ClientTable clients, FlowChanges changes, Owners owners, int sessions) {
    this.flows = flows;
    this.clients = clients;
    this.changes = changes;
    this.owners = owners;
    this.sessions = sessions;
    flows.watch(changes);
  }

  /**
   * Tells everything anew.
   *
   * @param to where it goes, until the next beginning or end
   * @param newRound unlike that of any other, not 0
   */
  public void begin(Outlet to, long newRound) {
    outlet = to;
    round = newRound;
    sequence = 0;
    next = 0;
    complete = false;
    known = 0;
    opened = true;
    changes.reset();
    fresh.clear();
    over.clear();
    live.clear();
    ended.clear();
    int at = begun.add();
    begun.bytes().putInt(at, flows.capacity()).putInt(at + Integer.BYTES, sessions);
    send(to, begun);
  }

  /** Tells nothing any more. */
  public void end() {
    outlet = null;
    known = 0;
  }

  /** There is a session, which the partner is told of also while it has no connection. */
  public void opened(SharedSession session) {
    open.add(session);
    opened = true;
  }

  /** A session is over, whatever becomes of its connections. */
  public void over(SharedSession session) {
    open.remove(session);
    Outlet to = outlet;
    if (to != null && session.isTold(round)) {
      if (over.isFull()) {
        send(to, over);
      }
      over.bytes().putInt(over.add(), session.slot());
      session.told(0);
    }
  }

  /**
   * A successor takes the place of this process, or does not.
   *
   * @param ms how long the partner may hear nothing, and not hold this node for lost
   */
  public void soon(int ms) {
    Outlet to = outlet;
    if (to != null) {
      soon.bytes().putInt(soon.add(), ms);
      send(to, soon);
    }
  }

  /** Time passes: see {@link FlowChanges#age(long, long)}. */
  public void age(long nowNanos, long mostNanos) {
    changes.age(nowNanos, mostNanos);
  }

  /** Tells all that is there, however young it is, as far as there is room now. */
  public void tellAll() {
    for (int each = 0; each <= FlowChanges.AGES; each++) {
      changes.age();
    }
    boolean more = true;
    while (more) {
      more = turn();
    }
  }

  /**
   * Tells some of what is due.
   *
   * @return whether there is more, for which another turn is to be soon
   */
  public boolean turn() {
    Outlet to = outlet;
    if (to == null || !to.isReady()) {
      return false;
    }
    // Before a session that may have got the place of one that is over.
    send(to, over);
    if (opened) {
      opened = false;
      open.forEach(session -> tell(to, session));
    }
    int most = TURN_FLOWS;
    for (int looks = 0; looks < TURN_LOOKS && most > 0; looks++) {
      int flow = changes.take(next);
      if (flow < 0) {
        next = 0;
        flush(to);
        if (!complete) {
          complete = true;
          bare(to, Chunk.COMPLETE);
        }
        return false;
      }
      next = flow + 1;
      most -= tell(to, flow) ? 1 : 0;
    }
    flush(to);
    return true;
  }

  private boolean tell(Outlet to, int flow) {
    SharedSession session = flows.state(flow) == FlowTable.LIVE ? session(flow) : null;
    if (session == null) {
      if (!changes.isTold(flow)) {
        return false;
      }
      changes.tell(flow, false);
      known--;
      if (ended.isFull()) {
        flush(to);
      }
      ended.bytes().putInt(ended.add(), flow);
      ends++;
      return true;
    }
    tell(to, session);
    if (live.isFull()) {
      flush(to);
    }
    int client = flows.client(flow);
    image
        .over(live.bytes(), live.add())
        .fill(flows, flow, session.slot(), clients.high(client), clients.low(client));
    known += changes.isTold(flow) ? 0 : 1;
    changes.tell(flow, true);
    flows.setTold(flow);
    told++;
    return true;
  }

  private void tell(Outlet to, SharedSession session) {
    if (!session.isTold(round)) {
      if (fresh.isFull()) {
        flush(to);
      }
      SessionImage.write(fresh.bytes(), fresh.add(), session.slot(), session.name());
      session.told(round);
    }
  }

  /** A connection of TCP that nobody has answered is none yet. */
  private @Nullable SharedSession session(int flow) {
    boolean answered = (flows.flags(flow) & FlowTable.ANSWERED) != 0;
    return answered || flows.protocol(flow) != IpProtocol.TCP
        ? owners.session(flows.client(flow))
        : null;
  }

  /** Sessions go before their connections. */
  private void flush(Outlet to) {
    send(to, fresh);
    send(to, live);
    send(to, ended);
  }

  private void send(Outlet to, Chunk.Filling filled) {
    if (!filled.isEmpty()) {
      sent(to, filled.take(round, sequence++));
    }
  }

  private void bare(Outlet to, int kind) {
    sent(to, Chunk.bare(kind, round, sequence++));
  }

  private void sent(Outlet to, byte[] message) {
    bytes += message.length;
    to.send(message);
  }

  /** Connections that the partner knows. */
  public long known() {
    return known;
  }

  /** Connections that were told, as often as each was; a moment ago. */
  public long told() {
    return told;
  }

  /** Ends that were told. */
  public long ends() {
    return ends;
  }

  /** Bytes that were sent. */
  public long bytes() {
    return bytes;
  }
}

package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.flow.Outbox;
import java.util.Arrays;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Messages that flows had no room for, as these take them, in their order: a ring for each of the
 * flows that are full now, in a memfd, so that whoever goes on has them. When all rings are taken,
 * the flow that has taken nothing for longest gives way. Loop thread only.
 *
 * <pre>
 *  0 session u64 (0: free)   8 first u32   12 end u32   16..63 zero
 * 64 messages, each with its length u32 before it, from first to end; behind the last before the
 *    end of the record, or a length of 0, comes the one at 64
 * </pre>
 */
final class HeldPackets implements AutoCloseable {

  /** No ring. */
  static final int NONE = -1;

  /** How long a flow takes nothing before it gives way. */
  static final long STANDING_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** "fishheld". */
  private static final long MAGIC = 0x6669_7368_6865_6c64L;

  /** In version 1 no message comes behind the end of the record. */
  private static final int VERSION = 2;

  /** Flows that may be full at once; of others packets are dropped. */
  private static final int QUEUES = 256;

  private static final int DATA = 64;

  /** Seven of the longest messages, so that a full flow does not lose all of a super-packet. */
  private static final int QUEUE_BYTES = 512 << 10;

  private final StateTable table;
  private final NativeMemory memory;
  private final int bytes;

  /** Whose each ring is. */
  private final @Nullable Session[] holders;

  /** When its flow took a message last, or it was begun. */
  private final long[] progressNanos;

  private boolean wraps;
  private long nowNanos;

  private HeldPackets(StateTable table) {
    this.table = table;
    this.memory = table.memory();
    this.bytes = table.layout().recordBytes();
    this.wraps = table.layout().version() >= VERSION;
    this.holders = new Session[table.layout().records()];
    this.progressNanos = new long[holders.length];
  }

  static HeldPackets open() {
    return open(VERSION, QUEUES, QUEUE_BYTES);
  }

  /** With so many rings, each of so many bytes with its header. */
  static HeldPackets open(int version, int queues, int queueBytes) {
    return new HeldPackets(
        StateTable.open(
            "oxbow-fish-held", new StateTable.Layout(MAGIC, version, version, queueBytes, queues)));
  }

  /**
   * Takes over those of another process, whatever their number and size.
   *
   * @param memfd owned by this object from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  static HeldPackets adopt(Descriptor memfd) {
    try {
      return new HeldPackets(StateTable.adopt(memfd, MAGIC, VERSION));
    } catch (RuntimeException e) {
      memfd.close();
      throw e;
    }
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  /** Sets the time. */
  void now(long nanos) {
    nowNanos = nanos;
  }

  /** No process that knows the former version only will go on. */
  void convert() {
    if (!wraps) {
      table.convert(VERSION, VERSION);
      wraps = true;
    }
  }

  /** Goes on from what the memory says: another process may have worked on it. */
  void rebuild(Collection<Session> sessions) {
    sessions.forEach(session -> session.queue = NONE);
    Arrays.fill(holders, null);
    Arrays.fill(progressNanos, nowNanos);
    for (int queue = 0; queue < holders.length; queue++) {
      long id = memory.getLong(at(queue));
      if (id == 0) {
        continue;
      }
      for (Session session : sessions) {
        if (session.id() == id) {
          session.queue = queue;
          holders[queue] = session;
        }
      }
    }
  }

  /**
   * Keeps the first message of an outbox behind those that it has.
   *
   * @return false when there is no room
   */
  boolean add(Session session, Outbox out) {
    if (session.queue == NONE && !begin(session)) {
      return false;
    }
    int at = at(session.queue);
    int end = memory.getInt(at + 12);
    int length = out.bytes();
    int place = room(at, end, Integer.BYTES + length);
    if (place == NONE) {
      return false;
    }
    memory.putInt(at + place, length);
    out.copy(memory, at + place + Integer.BYTES);
    if (place != end && end + Integer.BYTES <= bytes) {
      memory.putInt(at + end, 0);
    }
    memory.putInt(at + 12, place + Integer.BYTES + length);
    return true;
  }

  /** Where there is room behind the end; one that is full does not end where it begins. */
  private int room(int at, int end, int length) {
    int first = memory.getInt(at + 8);
    if (end < first) {
      return end + length < first ? end : NONE;
    }
    if (end + length <= bytes) {
      return end;
    }
    return wraps && DATA + length < first ? DATA : NONE;
  }

  /** Where the message is that begins somewhere, or at the other end of the ring. */
  private int place(int at, int next) {
    return next + Integer.BYTES > bytes || memory.getInt(at + next) == 0 ? DATA : next;
  }

  private boolean begin(Session session) {
    int queue = free();
    if (queue == NONE && !session.standing) {
      queue = vacate();
    }
    if (queue == NONE) {
      return false;
    }
    int at = at(queue);
    memory.putInt(at + 8, DATA);
    memory.putInt(at + 12, DATA);
    memory.putLong(at, session.id());
    holders[queue] = session;
    progressNanos[queue] = nowNanos;
    session.queue = queue;
    return true;
  }

  private int free() {
    for (int queue = 0; queue < holders.length; queue++) {
      if (holders[queue] == null) {
        return queue;
      }
    }
    return NONE;
  }

  /** Whose flow has taken nothing for longest gives way, and takes nobody's place until it does. */
  private int vacate() {
    int oldest = 0;
    for (int queue = 1; queue < holders.length; queue++) {
      oldest = progressNanos[queue] - progressNanos[oldest] < 0 ? queue : oldest;
    }
    Session standing = holders[oldest];
    if (standing == null || nowNanos - progressNanos[oldest] < STANDING_NANOS) {
      return NONE;
    }
    standing.standing = true;
    standing.drop(DropReason.FLOW_FULL, forget(standing));
    return oldest;
  }

  /**
   * Gives the flow what it takes.
   *
   * @param out empty, and so it is afterwards
   * @return 0, or the negated error number for which the flow did not take a message, which is gone
   */
  int flush(Session session, Outbox out) {
    while (session.queue != NONE) {
      int at = at(session.queue);
      int first = memory.getInt(at + 8);
      int end = memory.getInt(at + 12);
      int next = first;
      while (next != end && !out.isFull()) {
        next = place(at, next);
        int length = memory.getInt(at + next);
        out.add(memory.address() + at + next + Integer.BYTES, length);
        next += Integer.BYTES + length;
      }
      // Noted before: after a kill in between they are lost, and do not come twice.
      memory.putInt(at + 8, next);
      int given = out.size();
      int result = session.port.send(out);
      out.clear();
      boolean refused = result < 0 && result != -Errno.EAGAIN;
      int done = refused ? 1 : Math.max(0, result);
      for (int i = 0; i < done; i++) {
        first = place(at, first);
        first += Integer.BYTES + memory.getInt(at + first);
      }
      memory.putInt(at + 8, first);
      session.took(Math.max(0, result));
      if (done > 0) {
        progressNanos[session.queue] = nowNanos;
      }
      if (first == end) {
        forget(session);
      }
      if (refused) {
        return result;
      }
      if (done < given) {
        return 0;
      }
    }
    return 0;
  }

  /** How many messages wait for a session's flow. */
  int count(Session session) {
    int count = 0;
    if (session.queue != NONE) {
      int at = at(session.queue);
      int end = memory.getInt(at + 12);
      for (int next = memory.getInt(at + 8); next != end; count++) {
        next = place(at, next);
        next += Integer.BYTES + memory.getInt(at + next);
      }
    }
    return count;
  }

  /**
   * Frees a session's ring, whatever is in it.
   *
   * @return how many messages there were
   */
  int forget(Session session) {
    int count = count(session);
    if (session.queue != NONE) {
      memory.putLong(at(session.queue), 0);
      holders[session.queue] = null;
      session.queue = NONE;
    }
    return count;
  }

  private int at(int queue) {
    return table.offset(queue);
  }

  @Override
  public void close() {
    table.close();
  }
}

package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.flow.Outbox;
import java.util.Collection;

/**
 * Messages that flows had no room for, as these take them, in their order: a queue for each of the
 * flows that are full now, in a memfd, so that whoever goes on has them. Loop thread only.
 *
 * <pre>
 *  0 session u64 (0: free)   8 first u32   12 end u32   16..63 zero
 * 64 messages, each with its length u32 before it, from first to end
 * </pre>
 */
final class HeldPackets implements AutoCloseable {

  /** No queue. */
  static final int NONE = -1;

  /** "fishheld". */
  private static final long MAGIC = 0x6669_7368_6865_6c64L;

  private static final int VERSION = 1;

  /** Flows that may be full at once; of others packets are dropped. */
  private static final int QUEUES = 256;

  private static final int DATA = 64;

  /** Enough for one that is full while its reader has no turn. */
  private static final int QUEUE_BYTES = 256 << 10;

  private static final StateTable.Layout LAYOUT =
      new StateTable.Layout(MAGIC, VERSION, VERSION, QUEUE_BYTES, QUEUES);

  private final StateTable table;
  private final NativeMemory memory;

  private HeldPackets(StateTable table) {
    this.table = table;
    this.memory = table.memory();
  }

  static HeldPackets open() {
    return new HeldPackets(StateTable.open("oxbow-fish-held", LAYOUT));
  }

  /**
   * Takes over those of another process.
   *
   * @param memfd owned by this object from here on, and closed when this throws
   * @throws IllegalArgumentException saying what does not fit
   */
  static HeldPackets adopt(Descriptor memfd) {
    return new HeldPackets(StateTable.adopt(memfd, MAGIC, VERSION, QUEUE_BYTES, QUEUES));
  }

  Descriptor descriptor() {
    return table.descriptor();
  }

  /** Goes on from what the memory says: another process may have worked on it. */
  void rebuild(Collection<Session> sessions) {
    sessions.forEach(session -> session.queue = NONE);
    for (int queue = 0; queue < QUEUES; queue++) {
      long id = memory.getLong(at(queue));
      int own = queue;
      sessions.stream().filter(s -> s.id() == id).forEach(session -> session.queue = own);
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
    int bytes = out.bytes();
    if (end + Integer.BYTES + bytes > QUEUE_BYTES) {
      return false;
    }
    memory.putInt(at + end, bytes);
    out.copy(memory, at + end + Integer.BYTES);
    memory.putInt(at + 12, end + Integer.BYTES + bytes);
    return true;
  }

  private boolean begin(Session session) {
    for (int queue = 0; queue < QUEUES; queue++) {
      int at = at(queue);
      if (memory.getLong(at) == 0) {
        memory.putInt(at + 8, DATA);
        memory.putInt(at + 12, DATA);
        memory.putLong(at, session.id());
        session.queue = queue;
        return true;
      }
    }
    return false;
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
      while (next < end && !out.isFull()) {
        int bytes = memory.getInt(at + next);
        out.add(memory.address() + at + next + Integer.BYTES, bytes);
        next += Integer.BYTES + bytes;
      }
      // Noted before: after a kill in between they are lost, and do not come twice.
      memory.putInt(at + 8, next);
      int given = out.size();
      int result = session.port.send(out);
      out.clear();
      boolean refused = result < 0 && result != -Errno.EAGAIN;
      int done = refused ? 1 : Math.max(0, result);
      for (int i = 0; i < done; i++) {
        first += Integer.BYTES + memory.getInt(at + first);
      }
      memory.putInt(at + 8, first);
      session.record.countOut(Math.max(0, result));
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
      for (int next = memory.getInt(at + 8); next < end; count++) {
        next += Integer.BYTES + memory.getInt(at + next);
      }
    }
    return count;
  }

  /**
   * Frees a session's queue, whatever is in it.
   *
   * @return how many messages there were
   */
  int forget(Session session) {
    int count = count(session);
    if (session.queue != NONE) {
      memory.putLong(at(session.queue), 0);
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

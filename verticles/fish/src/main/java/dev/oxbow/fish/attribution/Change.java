package dev.oxbow.fish.attribution;

import dev.oxbow.codecs.control.RawJson;
import java.util.List;

/** What the event loop tells the thread that writes. */
sealed interface Change {

  /** When, milliseconds since 1970. */
  long timeMs();

  /** Whether it is about whose a session is, and not about what that holds. */
  default boolean isOfSession() {
    return this instanceof SessionBegan || this instanceof SessionEnded;
  }

  /** Bytes that its members take while it waits. */
  default long bytes() {
    return 0;
  }

  /**
   * A client has the first connection in a block.
   *
   * @param members protocol, address, ports, client, session
   */
  record Taken(long timeMs, long key, String session, RawJson members) implements Change {
    @Override
    public long bytes() {
      return members.length();
    }
  }

  /** A client has no connection in a block any more. */
  record Released(long timeMs, long key) implements Change {}

  /** A connection with its destination: began or ended. */
  record Connection(long timeMs, boolean ended, RawJson members) implements Change {
    @Override
    public long bytes() {
      return members.length();
    }
  }

  /**
   * Who a session belongs to.
   *
   * @param members session, uid, app, resume, metadata
   */
  record SessionBegan(long timeMs, String session, RawJson members) implements Change {
    @Override
    public long bytes() {
      return members.length();
    }
  }

  /** A session is over; its ports may still rest. */
  record SessionEnded(long timeMs, String session) implements Change {}

  /** All that is held now; what was told before counts no more. */
  record Everything(long timeMs, List<Taken> held) implements Change {}

  /** Nothing comes after it; in order: all ports are nobody's now. */
  record End(long timeMs, boolean inOrder) implements Change {}
}

package dev.oxbow.fish.partner;

/**
 * The way to the partner, for messages of several kinds.
 *
 * <p>While the link is up, messages arrive once, in the order in which they were sent, those of all
 * kinds in one order. What was under way when it went down may be lost, and then both ends hear of
 * it: {@link Listener#down()} before whatever comes later, and {@link Listener#up()} when messages
 * get through again. Nothing here blocks or waits for the partner. Any thread.
 */
public interface PartnerLink {

  /** How long nothing may be heard of the partner until the link is down, in nanoseconds. */
  long SILENCE_NANOS = 2_000_000_000;

  /** Bytes of a message at most. */
  int MAX_BYTES = 256 << 10;

  /** What a message is about. The codes go over the link: add, never change. */
  enum Kind {
    /** Who may give out which ports: the protocol of loans. */
    LOANS(1),
    /** Connections, for whoever takes them over. */
    FLOWS(2);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    /** As it stands in a frame. */
    public int code() {
      return code;
    }

    /**
     * The kind of a code.
     *
     * @throws IllegalArgumentException for one that this version does not know
     */
    public static Kind of(int code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      throw new IllegalArgumentException("a message of kind " + code);
    }
  }

  /** Hears of one kind of messages: called on a thread of the link's, one call at a time. */
  interface Listener {

    /** Messages get through from here on, both ways. */
    void up();

    /** What was sent or is sent may be lost, until {@link #up()}. */
    void down();

    /**
     * The partner, that was there, has taken its leave, or has ended, as far as can be known.
     * Silence alone does not say so. After {@link #down()}.
     */
    void gone();

    /**
     * A message has come.
     *
     * @param bytes owned by the listener
     */
    void received(byte[] bytes);
  }

  /**
   * Sets who hears of a kind; told at once when the link is up. One listener a kind, set once.
   *
   * @throws IllegalStateException when there is one
   */
  void listen(Kind kind, Listener listener);

  /**
   * Sends a message.
   *
   * @param bytes at most {@link #MAX_BYTES}, not changed any more
   * @return false when the link is down, or so far behind that it takes no more: nothing was sent
   * @throws IllegalArgumentException when it is too long
   */
  boolean send(Kind kind, byte[] bytes);

  /** Whether messages get through, as far as this end knows. */
  boolean isUp();

  /**
   * How long a message takes to the partner and the answer back, or for how long one has waited for
   * that by now, whichever is longer; in nanoseconds. 0 while the link is down.
   */
  long lagNanos();
}

package dev.oxbow.fish.partner;

/**
 * The ports of a Fish as its partner's loans see them: blocks of 64, numbered from 0. Without a
 * term that {@link #allow} set, a block is not this node's. Loop thread only.
 */
public interface SharedPorts {

  /** For {@link #allow}: no end is known. */
  long FOREVER = Long.MAX_VALUE;

  /** How many blocks. */
  int count();

  /** Of a block's address. */
  long high(int block);

  /** Of a block's address. */
  long low(int block);

  /** Which of the address's: the port divided by 64. */
  int index(int block);

  /**
   * Whether the connections of the process before this one, and its ports that rested, are known.
   */
  boolean remembered();

  /** CLOCK_BOOTTIME in nanoseconds, of now. */
  long nowNanos();

  /**
   * Sets until when a block may be used, on the clock of {@link #nowNanos()}. Whether it may be is
   * looked at before every new connection and every packet.
   *
   * @param own whether it is used before those that are not
   * @param beginNanos when the last new connection may have one of its ports; 0 never
   * @param useNanos when the last packet may leave from there; 0 never
   */
  void allow(int block, boolean own, long beginNanos, long useNanos);

  /** Connections that there is room for, of all blocks. */
  int flows();

  /** Sessions that there is room for. */
  int sessions();

  /** Whether no port of a block has a connection, or rests after one. */
  boolean unused(int block);

  /** Whether a live connection of a block began here, and was not taken over from the partner. */
  boolean began(int block);

  /**
   * Nothing leaves from a block any more, and new connections get no port of it, until the next
   * {@link #allow}. Its connections end soon, in the kernel, too; then their ports rest.
   */
  void end(int block);
}

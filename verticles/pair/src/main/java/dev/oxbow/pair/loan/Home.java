package dev.oxbow.pair.loan;

/** Which half of the blocks is a node's own. One node of a pair is first, the other second. */
public enum Home {
  /** The node of the blocks with even numbers. */
  FIRST,
  /** The node of the blocks with odd numbers. */
  SECOND;

  /** The home of a port: by arithmetic on the port alone, so that both nodes know it unasked. */
  public static Home of(int port) {
    return port / Blocks.BLOCK_PORTS % 2 == 0 ? FIRST : SECOND;
  }
}

package dev.oxbow.pair.loan;

/**
 * The connections of this node, as the protocol of loans sees them. Called on its thread, which is
 * the one that gives out ports: what is unused stays so until the call of the node ends.
 */
public interface LocalPorts {

  /** Whether no port of a block has a connection, or rests after one. */
  boolean unused(int block);

  /**
   * Whether a live connection of a block began at this node, and was not taken over from the
   * partner, whose loan of the block may go on.
   */
  boolean began(int block);

  /**
   * Nothing leaves from ports of a block any more when it returns, and the connections on them end.
   * The ports rest from then on.
   */
  void end(int block);
}

package dev.oxbow.pair.loan;

/** The connections of this node, as the protocol of loans sees them. Called on its thread. */
public interface LocalPorts {

  /** Whether no port of a block has a connection, or rests after one. */
  boolean unused(int block);

  /**
   * Ends all connections on ports of a block, before it returns: nothing leaves from there any
   * more. The ports rest from now on.
   */
  void end(int block);
}

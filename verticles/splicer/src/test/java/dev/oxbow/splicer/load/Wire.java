package dev.oxbow.splicer.load;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.fdpassing.testing.TestPeer;

/**
 * What a relay is put between: the near ends are for the Splicer, the peers stay with the test.
 *
 * @param pairA its near end is to be given as a
 * @param pairB its near end is to be given as b
 * @param peerA talks to a
 * @param peerB talks to b
 */
public record Wire(StreamPair pairA, StreamPair pairB, TestPeer peerA, TestPeer peerB)
    implements AutoCloseable {

  /** Which kinds of sockets are relayed to one another. */
  public enum Pairing {
    TCP4_TCP6(StreamPair.Kind.TCP4, StreamPair.Kind.TCP6),
    TCP6_UNIX(StreamPair.Kind.TCP6, StreamPair.Kind.UNIX),
    UNIX_TCP4(StreamPair.Kind.UNIX, StreamPair.Kind.TCP4),
    UNIX_UNIX(StreamPair.Kind.UNIX, StreamPair.Kind.UNIX);

    private final StreamPair.Kind a;
    private final StreamPair.Kind b;

    Pairing(StreamPair.Kind a, StreamPair.Kind b) {
      this.a = a;
      this.b = b;
    }

    public boolean tcpA() {
      return a.isTcp();
    }

    public boolean tcpB() {
      return b.isTcp();
    }

    /** Makes sockets of these kinds. */
    public Wire open() {
      StreamPair pairA = a.open();
      StreamPair pairB = b.open();
      return new Wire(pairA, pairB, pairA.peer(), pairB.peer());
    }
  }

  /** Two TCP connections over 127.0.0.1. */
  public static Wire tcp() {
    StreamPair pairA = StreamPair.tcp4();
    StreamPair pairB = StreamPair.tcp4();
    return new Wire(pairA, pairB, pairA.peer(), pairB.peer());
  }

  public Descriptor a() {
    return pairA.near();
  }

  public Descriptor b() {
    return pairB.near();
  }

  @Override
  public void close() {
    pairA.close();
    pairB.close();
  }
}

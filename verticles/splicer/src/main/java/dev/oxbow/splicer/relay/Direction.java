package dev.oxbow.splicer.relay;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;
import static dev.oxbow.fdpassing.libc.Sockets.MSG_PEEK;
import static dev.oxbow.fdpassing.libc.Syscalls.AGAIN;
import static dev.oxbow.fdpassing.libc.Syscalls.SPLICE_F_MOVE;
import static dev.oxbow.fdpassing.libc.Syscalls.SPLICE_F_NONBLOCK;

import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Moves bytes from one socket of a relay to the other. Loop thread only; nothing is allocated here
 * per chunk.
 */
final class Direction {
  private static final int SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

  /** System calls and bytes in one turn, so that a busy relay leaves time to the others. */
  private static final int CALLS_PER_TURN = 32;

  private static final long BYTES_PER_TURN = 4 << 20;

  /** A pipe of one page a slot can fill up with less than this: then more is not awaited. */
  private static final int SMALL_BYTES = 8 << 10;

  private final Relay relay;
  private final RelayLoop loop;
  private final RelayRecord record;
  private final InFlight bytes;
  private final int index;
  private final Side source;
  private final int from;
  private final int to;
  private boolean readable;
  private boolean writable;
  private boolean sourceEnded;

  /** Before the relay began, its owner had ended what this direction writes to. */
  private boolean wasShutDown;

  private boolean destinationGone;
  private boolean shutDown;
  private boolean bulk;

  /** The last splice was small: one, the rest of a write, is no end of bulk. */
  private boolean small;

  /** Splice stops at an urgent mark for ever, and recv steps over it. */
  private boolean urgent;

  /**
   * Whether a short read proves that the source is empty for now, and the next edge will tell of
   * more (epoll(7)). So with TCP, unless urgent data or an end was announced: a read stops at the
   * urgent mark, and the end may have come with the same edge. AF_UNIX reads stop anywhere.
   */
  private boolean shortReadEmpties;

  /** Can go on only when no other process has a hand in it any more. */
  private boolean waits;

  private final boolean tcp;

  Direction(Relay relay, RelayLoop loop, Side source, int from, int to, boolean tcp) {
    this.relay = relay;
    this.loop = loop;
    this.record = relay.record();
    this.bytes = new InFlight(relay, loop.pipes(), source);
    this.source = source;
    this.index = source.index();
    this.from = from;
    this.to = to;
    this.tcp = tcp;
    this.shortReadEmpties = tcp;
  }

  /**
   * First step.
   *
   * @param filled a pipe with bytes that are to be written before any other, or null
   * @param length how many
   * @param tcpDestination whether what this direction writes to is TCP
   */
  void begin(@Nullable Pipe filled, int length, boolean tcpDestination) {
    if (filled != null) {
      bytes.begin(filled, length);
    }
    int state = tcpDestination ? loop.tcpState(to) : TcpInfo.TCP_ESTABLISHED;
    if (state != TcpInfo.TCP_ESTABLISHED && state != TcpInfo.TCP_CLOSE_WAIT) {
      record.addEnds(index, RelayRecord.WAS_SHUT_DOWN);
    }
  }

  /** Reads how things stand from the ledger, since another process may have worked on it. */
  void load() {
    int ends = record.ends(index);
    sourceEnded = (ends & RelayRecord.SOURCE_ENDED) != 0;
    shutDown = (ends & RelayRecord.SHUT_DOWN) != 0;
    wasShutDown = (ends & RelayRecord.WAS_SHUT_DOWN) != 0;
    destinationGone = false;
    readable = false;
    // Assumed, until a write says no: only then epoll is asked.
    writable = true;
    bulk = false;
    urgent = false;
    waits = false;
    shortReadEmpties = tcp;
    bytes.load();
  }

  /** Passes the end on once more: whoever noted it may have been killed before he did it. */
  void repeatEnd() {
    if (shutDown) {
      Sockets.shutdown(to, Sockets.SHUT_WR);
    }
  }

  /** This process alone has the descriptors: true when there is something that waited for that. */
  boolean resume() {
    boolean waited = waits;
    waits = false;
    return waited;
  }

  /** Whether the destination has been told an end, by us or before. */
  boolean destinationEnded() {
    return shutDown || wasShutDown;
  }

  /** The event loop says that reading, or writing, may work again. */
  void ready(boolean forReading, boolean forWriting) {
    readable |= forReading;
    writable |= forWriting;
  }

  /** The event loop has told of urgent data or of an end: only EAGAIN means empty now. */
  void readToTheEnd() {
    shortReadEmpties = false;
  }

  /** The event loop has told of urgent data: they are not relayed, and must not stop the rest. */
  void urgent() {
    urgent = true;
  }

  /** Bytes read from the source, without the prelude. */
  long read() {
    return bytes.read();
  }

  boolean sourceEnded() {
    return sourceEnded;
  }

  boolean shutDown() {
    return shutDown;
  }

  boolean destinationGone() {
    return destinationGone;
  }

  /** Nothing can be written any more: the destination's connection is broken. */
  void loseDestination() {
    destinationGone = true;
  }

  /** Whether nothing is left to do for it, though the source may not have ended. */
  boolean drained() {
    return destinationGone || bytes.pending() == 0;
  }

  /** Works until the sockets would block or the budget is used up; true when there is more. */
  boolean turn() {
    long stop = bytes.in() + BYTES_PER_TURN;
    for (int calls = 0; calls < CALLS_PER_TURN && bytes.in() < stop; calls++) {
      if (destinationGone || relay.finished()) {
        return false;
      }
      if (bytes.pending() > 0) {
        if (!writable || !drain()) {
          return false;
        }
      } else if (sourceEnded) {
        end();
        return false;
      } else if (!relay.mayRead(source) || !readable || !fill()) {
        return false;
      }
    }
    return true;
  }

  private void end() {
    if (!shutDown && !relay.ending()) {
      shutDown = true;
      record.addEnds(index, RelayRecord.SHUT_DOWN);
      Sockets.shutdown(to, Sockets.SHUT_WR);
      relay.directionEnded();
    }
  }

  /** Reads what is there; false when nothing is, for now. */
  private boolean fill() {
    long most = relay.allowance();
    try {
      if (loop.shared()) {
        return fillShared(most);
      }
      return (bulk && tcp && !urgent && !relay.guarded()) ? fillBySplice(most) : fillByCopy(most);
    } catch (LinuxException e) {
      // A reset is told once, and before the peer's last data: then reading goes on.
      if (!relay.readFailed(source, e.errno())) {
        sourceEnded = true;
        record.addEnds(index, RelayRecord.SOURCE_ENDED);
      }
      return true;
    }
  }

  private boolean fillBySplice(long most) {
    Pipe into = bytes.attach();
    if (into == null) {
      bulk = false;
      return true;
    }
    long length = Math.min(most, into.capacity());
    long n = Syscalls.splice(from, into.writeEnd().fd(), length, SPLICE_FLAGS);
    if (n > 0) {
      bytes.received(n);
      bulk = n >= SMALL_BYTES || !small;
      small = n < SMALL_BYTES;
      return true;
    }
    bytes.detach();
    if (n == 0) {
      // The end, or an urgent mark before it that was not announced yet: recv knows.
      bulk = false;
      return true;
    }
    return nothingRead(n);
  }

  /**
   * Another process has the same descriptors and may have to go on from any moment: bytes pass from
   * kernel object to kernel object, and only through pipes that both have.
   */
  private boolean fillShared(long most) {
    Pipe into = bytes.attachIdle();
    if (into == null) {
      return false;
    }
    long length = Math.min(most, into.capacity());
    if (!tcp) {
      // A descriptor that a peer attached would be closed by splice, here: those bytes wait.
      length = loop.peekUnix(from, length);
      waits = length == RelayLoop.STRAYS;
    }
    long n =
        length > 0 ? Syscalls.splice(from, into.writeEnd().fd(), length, SPLICE_FLAGS) : length;
    if (n > 0) {
      bytes.received(n);
      return true;
    }
    bytes.detach();
    if (n == 0 && tcp && Sockets.recv(from, loop.buffer(), 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
      // An urgent mark, which only recv steps over.
      waits = true;
    }
    return !waits && nothingRead(n);
  }

  private boolean fillByCopy(long most) {
    Pipe keeper = bytes.attach();
    if (keeper == null) {
      return writable && copyWithoutPipe(most);
    }
    int length = (int) Math.min(most, Math.min(loop.bufferBytes(), keeper.capacity()));
    long n = receive(length, 0);
    if (n <= 0) {
      bytes.detach();
      return nothingRead(n);
    }
    bytes.received(n);
    bulk = n == length;
    small = false;
    readable = bulk || !shortReadEmpties;
    if (!bulk) {
      loop.messagePassed();
    }
    long taken = sendFromBuffer(n);
    if (taken < n) {
      InFlight.keep(keeper, loop.buffer() + taken, n - taken);
    } else {
      bytes.detach();
    }
    return true;
  }

  /** No pipe can be had: what the destination does not take stays in the source. */
  private boolean copyWithoutPipe(long most) {
    long length = Math.min(most, loop.bufferBytes());
    long n = receive(length, MSG_PEEK);
    if (n <= 0) {
      return nothingRead(n);
    }
    long taken = sendFromBuffer(n);
    if (taken > 0) {
      bytes.received(taken);
    }
    for (long gone = 0; gone < taken; ) {
      long again = receive(taken - gone, 0);
      if (again <= 0) {
        // Somebody else reads from this socket too: their loss, and no reason to wait here.
        throw new IllegalStateException("bytes that were seen in the socket are gone");
      }
      gone += again;
    }
    return writable; // one that took a part is asked again, and then awaited
  }

  /** Reads into the loop's buffer; an AF_UNIX peer may have attached descriptors. */
  private long receive(long length, int flags) {
    return tcp
        ? Sockets.recv(from, loop.buffer(), length, flags | MSG_DONTWAIT)
        : loop.receiveFromUnix(relay.spec().uid(), from, length, flags);
  }

  private boolean nothingRead(long n) {
    if (n == AGAIN) {
      readable = false;
    } else {
      sourceEnded = true;
      record.addEnds(index, RelayRecord.SOURCE_ENDED);
      relay.sourceEnded(source);
    }
    return n != AGAIN;
  }

  private void blocked() {
    writable = false;
    relay.awaitWritable(source.other());
  }

  /** Sends from the loop's buffer; how much was taken. */
  private long sendFromBuffer(long length) {
    if (!writable) {
      return 0;
    }
    try {
      long n = Sockets.send(to, loop.buffer(), length, MSG_DONTWAIT);
      if (n == AGAIN) {
        blocked();
        return 0;
      }
      bytes.sent(n);
      return n;
    } catch (LinuxException e) {
      relay.writeFailed(source.other(), e.errno());
      return 0;
    }
  }

  /** Writes from the pipe; false when the destination takes nothing for now, or never again. */
  private boolean drain() {
    Pipe full = Objects.requireNonNull(bytes.pipe());
    long n;
    try {
      if (relay.guarded() && !loop.shared()) {
        n = loop.sendFromPipe(full, to, bytes.pending());
      } else {
        n = Syscalls.splice(full.readEnd().fd(), to, bytes.pending(), SPLICE_FLAGS);
      }
    } catch (LinuxException e) {
      relay.writeFailed(source.other(), e.errno());
      return false;
    }
    if (n == AGAIN) {
      blocked();
      return false;
    }
    bytes.sent(n);
    if (bytes.pending() == 0) {
      bytes.detach();
    }
    return true;
  }

  /** What became of it; the pipe with what was not delivered leaves the pool. */
  RelayOutcome.Flow outcome(@Nullable TcpInfo tcpInfo) {
    long undelivered = bytes.pending();
    return new RelayOutcome.Flow(record.delivered(index), undelivered, bytes.giveUp(), tcpInfo);
  }
}

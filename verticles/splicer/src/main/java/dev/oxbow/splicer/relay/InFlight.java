package dev.oxbow.splicer.relay;

import static dev.oxbow.fdpassing.libc.Syscalls.AGAIN;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Syscalls;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of one direction that were read and not yet written: their count in the record, and the
 * pipe that holds them. Loop thread only; nothing is allocated here per chunk.
 *
 * <p>Invariant between turns: {@code in - out} bytes are in the pipe that the record names, and
 * nowhere else.
 */
final class InFlight {
  private final Relay relay;
  private final LoopPipes pipes;
  private final RelayRecord record;
  private final Side source;
  private final int index;
  private long in;
  private long out;
  private int pipeNumber = PipePool.NONE;
  private @Nullable Pipe pipe;
  private boolean inPrelude;

  InFlight(Relay relay, LoopPipes pipes, Side source) {
    this.relay = relay;
    this.pipes = pipes;
    this.record = relay.record();
    this.source = source;
    this.index = source.index();
    // Of a relay that another process began, it has to be told even if it was written meanwhile.
    this.inPrelude = record.prelude(index) > 0;
  }

  /** Notes a pipe with bytes that are to be written before any other. */
  void begin(Pipe filled, int bytes) {
    record.pipe(index, pipes.of(relay.group()).add(filled));
    record.prelude(index, bytes);
    record.in(index, bytes);
  }

  /**
   * Reads how things stand from the ledger and the pipe, since another process may have worked on
   * both, and may have been killed between a system call and the note of it.
   */
  void load() {
    in = record.in(index);
    out = record.out(index);
    pipeNumber = record.pipe(index);
    pipe = pipeNumber == PipePool.NONE ? null : pipes.of(relay.group()).get(pipeNumber);
    reconcile();
    loadPrelude();
  }

  /** What is in the pipe is the truth. */
  private void reconcile() {
    if (pipe == null) {
      if (in != out) {
        throw new IllegalStateException((in - out) + " bytes are in no pipe");
      }
      return;
    }
    int waiting = Syscalls.bytesWaiting(pipe.readEnd().fd());
    if (waiting > pending()) {
      in = out + waiting;
      record.in(index, in);
    } else if (waiting < pending()) {
      out = in - waiting;
      record.out(index, out);
    }
    if (waiting == 0) {
      detach();
    }
  }

  private void loadPrelude() {
    boolean was = inPrelude;
    inPrelude = record.waitingPrelude(index) > 0;
    if (was && !inPrelude) {
      relay.preludeWritten(source.other());
    }
  }

  /** Bytes that were read so far, with the prelude. */
  long in() {
    return in;
  }

  /** Bytes that were read and not yet written. */
  long pending() {
    return in - out;
  }

  /** Bytes read from the source, without the prelude. */
  long read() {
    return in - record.prelude(index);
  }

  /** So many bytes more were taken out of the source. */
  void received(long n) {
    in += n;
    record.in(index, in);
    relay.moved();
  }

  /** So many bytes more were taken by the destination. */
  void sent(long n) {
    out += n;
    record.out(index, out);
    relay.moved();
  }

  /** The pipe, or null. */
  @Nullable Pipe pipe() {
    return pipe;
  }

  /** A pipe to read into; null when none can be had. */
  @Nullable Pipe attach() {
    if (pipe == null) {
      attach(pipes.acquire(relay.group()));
    }
    return pipe;
  }

  /** A pipe that is open already; null when there is none, and the relay gets a turn later. */
  @Nullable Pipe attachIdle() {
    if (pipe == null) {
      attach(pipes.acquireIdle(relay));
    }
    return pipe;
  }

  private void attach(int number) {
    pipeNumber = number;
    if (number != PipePool.NONE) {
      record.pipe(index, number);
      pipe = pipes.of(relay.group()).get(number);
    }
  }

  /** Puts the empty pipe back, if there is one. */
  void detach() {
    if (pipeNumber != PipePool.NONE) {
      record.pipe(index, PipePool.NONE);
      pipes.release(relay.group(), pipeNumber);
      pipeNumber = PipePool.NONE;
      pipe = null;
      if (inPrelude) {
        inPrelude = false;
        relay.preludeWritten(source.other());
      }
    }
  }

  /**
   * Puts into an empty pipe what was read and not sent.
   *
   * @param address of the first byte
   */
  static void keep(Pipe into, long address, long length) {
    long done = 0;
    while (done < length) {
      long n = Syscalls.write(into.writeEnd().fd(), address + done, length - done);
      if (n == AGAIN) {
        throw new IllegalStateException("an empty pipe did not take " + (length - done) + " bytes");
      }
      done += n;
    }
  }

  /** The pipe with what will never be delivered, out of the pool; null when there is nothing. */
  @Nullable Descriptor giveUp() {
    if (pending() == 0) {
      detach();
      return null;
    }
    Pipe taken = pipes.of(relay.group()).remove(pipeNumber);
    record.pipe(index, PipePool.NONE);
    taken.writeEnd().close();
    Syscalls.fcntl(taken.readEnd().fd(), Syscalls.F_SETFL, 0);
    return taken.readEnd();
  }
}

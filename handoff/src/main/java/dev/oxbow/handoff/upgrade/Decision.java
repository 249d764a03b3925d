package dev.oxbow.handoff.upgrade;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * One word of memory that both processes map: whoever writes it first has decided how the upgrade
 * ends. Thread-safe.
 */
final class Decision implements AutoCloseable {

  /** How an upgrade can end. */
  enum Outcome {
    NONE(0),
    COMMITTED(1),
    ROLLED_BACK(2);

    private final int code;

    Outcome(int code) {
      this.code = code;
    }
  }

  private static final int BYTES = 64;

  private final Descriptor memfd;
  private final NativeMemory memory;

  private Decision(Descriptor memfd) {
    this.memfd = memfd;
    this.memory = NativeMemory.map(memfd.fd(), BYTES);
  }

  /** A new one, undecided. */
  static Decision open() {
    return adopt(Memfd.open("oxbow-decision", BYTES));
  }

  /** That of another process; the descriptor is owned from here on. */
  static Decision adopt(Descriptor memfd) {
    try {
      return new Decision(memfd);
    } catch (RuntimeException e) {
      memfd.close();
      throw e;
    }
  }

  Descriptor descriptor() {
    return memfd;
  }

  Outcome outcome() {
    int code = memory.getIntVolatile(0);
    for (Outcome outcome : Outcome.values()) {
      if (outcome.code == code) {
        return outcome;
      }
    }
    throw new IllegalStateException("no outcome has the code " + code);
  }

  /** Decides, unless that was done; true when it ends as wanted, whoever said so first. */
  boolean decide(Outcome wanted) {
    return memory.compareAndSetInt(0, Outcome.NONE.code, wanted.code) || outcome() == wanted;
  }

  @Override
  public void close() {
    memory.unmap();
    memfd.close();
  }
}

package dev.oxbow.handoff.upgrade;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * Memory that both processes map, two words: whoever writes the first one first has decided how the
 * upgrade ends, and whoever writes the second one first may end the other process. Thread-safe.
 *
 * <pre>
 *   0 outcome u32   4 claim u32 (0: none, else the code of a Side)   8..63 zero
 * </pre>
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
  private static final int CLAIM = 4;

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

  /**
   * Claims the right to end the other process; true when it is this side's, from now or before. A
   * process of a version without claims takes none, and leaves it to this one.
   */
  boolean claim(Side own) {
    return memory.compareAndSetInt(CLAIM, 0, own.code())
        || memory.getIntVolatile(CLAIM) == own.code();
  }

  /** Takes the claim from the other side, which has not made use of it. */
  void seize(Side own) {
    memory.compareAndSetInt(CLAIM, memory.getIntVolatile(CLAIM), own.code());
  }

  @Override
  public void close() {
    memory.unmap();
    memfd.close();
  }
}

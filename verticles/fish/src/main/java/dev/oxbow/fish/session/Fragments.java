package dev.oxbow.fish.session;

import dev.oxbow.codecs.fragments.Reassembler;
import dev.oxbow.fdpassing.libc.NativeMemory;

/**
 * Room for datagrams that come in fragments, one direction's.
 *
 * @param memory that the reassembler works in
 */
record Fragments(NativeMemory memory, Reassembler reassembler) {
  private static final int DATAGRAMS = 64;
  private static final int PER_OWNER = 16;

  /**
   * @param loss hears of fragments that waited in vain
   */
  static Fragments open(Reassembler.Loss loss) {
    NativeMemory memory = NativeMemory.allocate(Reassembler.bytes(DATAGRAMS));
    return new Fragments(
        memory, new Reassembler(memory.view(), 0, DATAGRAMS, PER_OWNER, System::nanoTime, loss));
  }
}

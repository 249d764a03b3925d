package dev.oxbow.fish.session;

import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.SharedPorts;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.ports.SharedBlocks;
import java.util.BitSet;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The ports of a plane, as its partner has a say in them. Loop thread only. */
final class Sharing implements SharedPorts {
  private final SharedBlocks blocks;
  private final Tables tables;
  private final boolean remembered;
  private final LongSupplier clock;
  private final Runnable endLent;
  private final Supplier<BitSet> beganHere;

  /** As of the last thaw. */
  private @Nullable BitSet began;

  private @Nullable Partner partner;

  /**
   * @param remembered whether the connections of the process before this one are known
   * @param clock CLOCK_BOOTTIME in nanoseconds
   * @param endLent ends soon what may not be used any more
   * @param beganHere tells of all blocks whether a live connection of theirs began here
   */
  Sharing(
      SharedBlocks blocks,
      Tables tables,
      boolean remembered,
      LongSupplier clock,
      Runnable endLent,
      Supplier<BitSet> beganHere) {
    this.blocks = blocks;
    this.tables = tables;
    this.remembered = remembered;
    this.clock = clock;
    this.endLent = endLent;
    this.beganHere = beganHere;
  }

  <T extends Partner> T with(T made) {
    partner = made;
    return made;
  }

  SharedBlocks blocks() {
    return blocks;
  }

  /** Reads the clock, for all that happens at this time. */
  void now() {
    blocks.now(clock.getAsLong());
  }

  void thaw() {
    if (partner != null) {
      now();
      began = null;
      partner.thaw();
    }
  }

  void freeze() {
    if (partner != null) {
      partner.freeze();
    }
  }

  void tick() {
    if (partner != null) {
      partner.tick();
    }
  }

  void ranShort(PortSlice slice) {
    if (partner != null) {
      partner.ranShort(slice.high(), slice.low());
    }
  }

  @Override
  public int count() {
    return blocks.count();
  }

  @Override
  public long high(int block) {
    return blocks.high(block);
  }

  @Override
  public long low(int block) {
    return blocks.low(block);
  }

  @Override
  public int index(int block) {
    return blocks.index(block);
  }

  @Override
  public int flows() {
    return tables.flows().capacity();
  }

  @Override
  public int sessions() {
    return tables.sessions().records().size();
  }

  @Override
  public boolean remembered() {
    return remembered;
  }

  @Override
  public long nowNanos() {
    now();
    return blocks.nowNanos();
  }

  @Override
  public void allow(int block, boolean own, long beginNanos, long useNanos) {
    blocks.allow(block, own, beginNanos, useNanos);
  }

  @Override
  public boolean unused(int block) {
    return blocks.connections(block) == 0;
  }

  @Override
  public boolean began(int block) {
    BitSet all = began;
    if (all == null) {
      all = beganHere.get();
      began = all;
    }
    return all.get(block);
  }

  @Override
  public void end(int block) {
    blocks.allow(block, false, 0, 0);
    endLent.run();
  }
}

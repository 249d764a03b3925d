package dev.oxbow.fish.partner;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** Ports of one address that the test uses, and what a partner allowed of them. One loop. */
public final class TestPorts implements SharedPorts {
  static final long LOW = 0xffff_cb00_7107L;
  static final int BLOCKS = 16;
  private static final int FIRST = 312;

  /** Blocks with connections. */
  final BitSet used = new BitSet();

  private final boolean[] own = new boolean[BLOCKS];
  private final long[] begin = new long[BLOCKS];
  private final long[] use = new long[BLOCKS];
  private @Nullable Runnable told;

  /** Says what is to be done when something is allowed. */
  void whenTold(Runnable action) {
    told = action;
  }

  boolean mayBegin(int block) {
    return System.nanoTime() < begin[block];
  }

  boolean mayUse(int block) {
    return System.nanoTime() < use[block];
  }

  boolean isOwn(int block) {
    return own[block];
  }

  /** How many blocks new connections may use. */
  int open() {
    int open = 0;
    for (int block = 0; block < BLOCKS; block++) {
      open += mayBegin(block) ? 1 : 0;
    }
    return open;
  }

  /** Uses all blocks that new connections may use. */
  void useAll() {
    for (int block = 0; block < BLOCKS; block++) {
      if (mayBegin(block)) {
        used.set(block);
      }
    }
  }

  @Override
  public int count() {
    return BLOCKS;
  }

  @Override
  public long high(int block) {
    return 0;
  }

  @Override
  public long low(int block) {
    return LOW;
  }

  @Override
  public int index(int block) {
    return FIRST + block;
  }

  @Override
  public boolean remembered() {
    return false;
  }

  @Override
  public long nowNanos() {
    return System.nanoTime();
  }

  @Override
  public void allow(int block, boolean ours, long beginNanos, long useNanos) {
    own[block] = ours;
    begin[block] = beginNanos;
    use[block] = useNanos;
    if (told != null) {
      told.run();
    }
  }

  @Override
  public int flows() {
    return 1_000;
  }

  @Override
  public int sessions() {
    return 10;
  }

  @Override
  public boolean began(int block) {
    return !unused(block);
  }

  @Override
  public boolean unused(int block) {
    return !used.get(block);
  }

  @Override
  public void end(int block) {
    allow(block, false, 0, 0);
    used.clear(block);
  }
}

package dev.oxbow.pair.loan;

import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;

/**
 * One node's part in the protocol of loans: says from which blocks of ports the node may give out
 * ports now, lends those of its own that it does not need, and borrows from the partner. It has
 * neither clock nor link: times and messages come as arguments, and messages go to where the owner
 * says. Times are milliseconds of one clock that never goes back, as {@link LoanRecords} wants it.
 * One thread at a time; nothing blocks; {@link #mayGrant} and {@link #mayUse} allocate nothing.
 * What a call costs goes by the blocks that are lent or borrowed, or of one address; by all of them
 * only at the start, and when the partner asks what this node holds.
 *
 * <p>What the owner must do: look at {@link #mayUse} with the time of now before anything leaves
 * from a port, after every wait in which the process may have stood still; call {@link #tick}
 * several times within the quarantine.
 */
public final class LoanNode {

  /** For {@link #grantUntilMs} and {@link #useUntilMs}: no end is known. */
  public static final long FOREVER = Long.MAX_VALUE;

  private final Blocks blocks;
  private final LoanRecords records;
  private final long fingerprint;
  private final Lender lender;
  private final Borrower borrower;
  private final int own;

  /** Blocks whose terms may be others than were told last. */
  private final BlockSet changed;

  private boolean allChanged = true;

  /**
   * @param home unlike the partner's
   * @param random that no other process repeats
   * @param partner gets what is to be sent; called from within the methods of this object
   */
  public LoanNode(
      Blocks blocks,
      Home home,
      LoanTimes times,
      LoanRecords records,
      LocalPorts ports,
      RandomGenerator random,
      Outlet partner) {
    this.blocks = blocks;
    this.records = records;
    this.fingerprint = blocks.fingerprint() ^ (home == Home.FIRST ? 0 : 1);
    this.changed = new BlockSet(blocks.count());
    Numbers numbers = new Numbers(random);
    this.lender = new Lender(blocks, home, times, records, ports, numbers, changed, partner);
    this.borrower = new Borrower(blocks, home, times, records, ports, numbers, changed, partner);
    int count = 0;
    for (int address = 0; address < blocks.addresses(); address++) {
      count += blocks.of(address, home).length;
    }
    this.own = count;
  }

  /**
   * Begins, before anything else is called. With the memory of a process before this one it goes on
   * as that did. Without, it has borrowed nothing, ends what is left of connections on blocks of
   * the partner's, and waits for its own blocks until the partner says what it holds, or until the
   * longest loan and its rest are over.
   *
   * @param portsRemembered whether it is known which connections there were, and which ports rest;
   *     without that, what is remembered of loans is worth nothing
   * @return whether there was a memory
   */
  public boolean start(long nowMs, boolean portsRemembered) {
    boolean remembers = portsRemembered && records.isOf(fingerprint) && records.bornMs() <= nowMs;
    if (!remembers) {
      records.unborn();
      lender.forget(nowMs);
      borrower.forget();
      records.born(fingerprint, nowMs);
    }
    lender.recall();
    borrower.recall();
    tick(nowMs);
    return remembers;
  }

  /** Ends, takes back, gives back, renews, asks again: whatever the time brings. */
  public void tick(long nowMs) {
    settle(nowMs);
    lender.tick(nowMs);
    borrower.tick(nowMs);
  }

  /**
   * Takes a message of the partner's, which may be late, doubled or out of order.
   *
   * @param nowMs read after the message had come: what is lent now was asked for before
   */
  public void handle(LoanMessage message, long nowMs) {
    settle(nowMs);
    if (message instanceof LoanMessage.Borrow borrow) {
      lender.lend(borrow, nowMs);
    } else if (message instanceof LoanMessage.Renew renew) {
      lender.renew(renew, nowMs);
    } else if (message instanceof LoanMessage.Return returned) {
      lender.returned(returned);
    } else if (message instanceof LoanMessage.Held held) {
      lender.held(held, nowMs);
    } else if (message instanceof LoanMessage.Lent lent) {
      borrower.lent(lent, nowMs);
    } else if (message instanceof LoanMessage.Ask ask) {
      borrower.asked(ask, nowMs);
    }
  }

  private void settle(long nowMs) {
    lender.settle(nowMs);
    borrower.settle(nowMs);
  }

  /**
   * A connection found no port of an address: asks the partner for blocks of it, now and while this
   * goes on.
   *
   * @param address its number in the blocks
   */
  public void need(int address, long nowMs) {
    borrower.need(address, nowMs);
  }

  /**
   * Tells the blocks whose terms may be others than when this was called last: of all at first. No
   * other method is called meanwhile but those that say the terms.
   */
  public void tellChanged(IntConsumer listener) {
    if (allChanged) {
      for (int block = 0; block < blocks.count(); block++) {
        listener.accept(block);
      }
      allChanged = false;
    } else {
      for (int place = 0; place < changed.size(); place++) {
        listener.accept(changed.get(place));
      }
    }
    changed.clear();
  }

  /** Whether a block is this node's own, wherever it is now. */
  public boolean isOwn(int block) {
    return lender.isOwn(block);
  }

  /**
   * Until when new connections may have ports of a block, exclusive: 0 for never. It holds until
   * the next call of another method.
   */
  public long grantUntilMs(int block, long nowMs) {
    return lender.isOwn(block) ? lender.untilMs(block, nowMs) : borrower.grantUntilMs(block);
  }

  /** Until when packets of the connections on a block may leave, likewise. */
  public long useUntilMs(int block, long nowMs) {
    return lender.isOwn(block) ? lender.untilMs(block, nowMs) : borrower.useUntilMs(block);
  }

  /** Whether a new connection may have a port of a block. */
  public boolean mayGrant(int block, long nowMs) {
    return nowMs < grantUntilMs(block, nowMs);
  }

  /** Whether packets of the connections on a block may leave. */
  public boolean mayUse(int block, long nowMs) {
    return nowMs < useUntilMs(block, nowMs);
  }

  /** Blocks of its own, wherever they are. */
  public int own() {
    return own;
  }

  /** Blocks of its own that it has lent, or that rest after a loan that has run out. */
  public int lent() {
    return lender.lent();
  }

  /** Blocks of its own of which it does not know whether they are lent. */
  public int unknown() {
    return lender.unknown();
  }

  /** Blocks of the partner's that it has borrowed. */
  public int borrowed() {
    return borrower.count();
  }
}

package dev.oxbow.pair.loan;

import static dev.oxbow.pair.loan.LoanRecords.FREE;
import static dev.oxbow.pair.loan.LoanRecords.UNKNOWN;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The half of the protocol in which a node is home: which of its blocks are lent until when. A
 * block that is not lent is its own, and so is one whose loan has run out and rested, or that came
 * back.
 */
final class Lender {
  private final Blocks blocks;
  private final Home home;
  private final LoanTimes times;
  private final LoanRecords records;
  private final LocalPorts ports;
  private final Numbers numbers;
  private final Outlet partner;

  /** Those that are lent, or may be. */
  private final Standing away;

  /** Of each address: where the search for one to lend goes on. */
  private final int[] next;

  /** Addresses of which the partner has told what it holds. */
  private final BitSet answered = new BitSet();

  private long question;
  private long askedMs;

  /**
   * @param changed gets the blocks whose record has changed
   */
  Lender(
      Blocks blocks,
      Home home,
      LoanTimes times,
      LoanRecords records,
      LocalPorts ports,
      Numbers numbers,
      BlockSet changed,
      Outlet partner) {
    this.blocks = blocks;
    this.home = home;
    this.times = times;
    this.records = records;
    this.ports = ports;
    this.numbers = numbers;
    this.partner = partner;
    this.away = new Standing(records, blocks.count(), changed);
    this.next = new int[blocks.addresses()];
  }

  boolean isOwn(int block) {
    return blocks.home(block) == home;
  }

  boolean mayGrant(int block, long nowMs) {
    return records.epoch(block) == FREE || nowMs >= records.untilMs(block);
  }

  /** Until it is lent, which happens in this node's own hands. */
  long untilMs(int block, long nowMs) {
    return mayGrant(block, nowMs) ? LoanNode.FOREVER : 0;
  }

  /** Goes on from what the memory says. */
  void recall() {
    for (int block = 0; block < blocks.count(); block++) {
      if (isOwn(block)) {
        away.recall(block);
      }
    }
  }

  /**
   * Nobody knows what was lent: all that is not seen to be in use here counts as lent just now. A
   * block in which connections began here was not lent, since only unused ones ever are.
   */
  void forget(long nowMs) {
    for (int block = 0; block < blocks.count(); block++) {
      if (isOwn(block)) {
        if (!ports.began(block)) {
          away.set(block, UNKNOWN, nowMs + times.awayMs(times.loanMs()));
        } else {
          away.free(block);
        }
      }
    }
  }

  /** Takes back what has run out and rested. */
  void settle(long nowMs) {
    away.settle(nowMs, block -> {});
  }

  /** Asks for what it does not know, until that is answered once: the rest is a matter of time. */
  void tick(long nowMs) {
    if (away.unknown() == 0 || answered.cardinality() == blocks.addresses()) {
      return;
    }
    if (question == 0 || nowMs - askedMs >= times.retryMs()) {
      // The same number each time: on a slow link any answer will do.
      question = question == 0 ? numbers.next() : question;
      askedMs = nowMs;
      partner.accept(new LoanMessage.Ask(question));
    }
  }

  void lend(LoanMessage.Borrow asked, long nowMs) {
    List<Loan> lent = new ArrayList<>();
    // Without memory nobody knows what of this node's own connections still rests.
    boolean rested = nowMs >= records.bornMs() + times.restMs();
    long useMs = times.lendMs(asked.useMs());
    int address = blocks.address(asked.of());
    if (rested && useMs > 0 && address >= 0) {
      int[] own = blocks.of(address, home);
      // It keeps a quarter for itself.
      int most = Math.min(asked.blocks(), unused(own) - (own.length + 3) / 4);
      for (int tried = 0; tried < own.length && lent.size() < most; tried++) {
        int block = own[next[address]];
        next[address] = (next[address] + 1) % own.length;
        if (isUnused(block)) {
          Loan loan = new Loan(blocks.id(block), numbers.next());
          away.set(block, loan.epoch(), nowMs + times.awayMs(useMs));
          lent.add(loan);
        }
      }
    }
    partner.accept(new LoanMessage.Lent(asked.request(), useMs, lent));
  }

  private int unused(int[] own) {
    int unused = 0;
    for (int block : own) {
      unused += isUnused(block) ? 1 : 0;
    }
    return unused;
  }

  private boolean isUnused(int block) {
    return records.epoch(block) == FREE && ports.unused(block);
  }

  void renew(LoanMessage.Renew asked, long nowMs) {
    List<Loan> lent = new ArrayList<>();
    long useMs = times.lendMs(asked.useMs());
    for (Loan loan : asked.loans()) {
      int block = lent(loan);
      // One that rests was over for the borrower before it was for this node.
      if (block >= 0 && useMs > 0 && nowMs < records.untilMs(block) - times.restMs()) {
        long untilMs = nowMs + times.awayMs(useMs);
        away.setUntil(block, Math.max(records.untilMs(block), untilMs));
        lent.add(loan);
      }
    }
    partner.accept(new LoanMessage.Lent(asked.request(), useMs, lent));
  }

  void returned(LoanMessage.Return returned) {
    for (Loan loan : returned.loans()) {
      int block = lent(loan);
      if (block >= 0) {
        away.free(block);
      }
    }
  }

  /** Of each address the first answer counts, whichever of them arrive. */
  void held(LoanMessage.Held held, long nowMs) {
    int address = blocks.address(held.of());
    if (address < 0 || answered.get(address) || question == 0 || held.question() != question) {
      return;
    }
    answered.set(address);
    for (Loan loan : held.loans()) {
      int block = blocks.number(loan.block());
      if (block >= 0
          && isOwn(block)
          && blocks.addressOf(block) == address
          && records.epoch(block) == UNKNOWN) {
        away.set(block, loan.epoch(), nowMs + times.awayMs(times.loanMs()));
      }
    }
    long untilMs = nowMs + times.atLeast(held.restMs());
    for (int block : blocks.of(address, home)) {
      if (records.epoch(block) == UNKNOWN) {
        away.setUntil(block, Math.min(records.untilMs(block), untilMs));
      }
    }
    settle(nowMs);
  }

  /** The block of a loan that stands, or -1. */
  private int lent(Loan loan) {
    int block = blocks.number(loan.block());
    return block >= 0
            && isOwn(block)
            && loan.epoch() != FREE
            && loan.epoch() != UNKNOWN
            && records.epoch(block) == loan.epoch()
        ? block
        : -1;
  }

  /** Blocks that are lent, or rest after that. */
  int lent() {
    return away.size() - away.unknown();
  }

  /** Blocks that may be lent. */
  int unknown() {
    return away.unknown();
  }
}

package dev.oxbow.pair.loan;

import static dev.oxbow.pair.loan.LoanRecords.FREE;
import static dev.oxbow.pair.loan.LoanRecords.UNKNOWN;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

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
  private final Consumer<LoanMessage> partner;
  private int next;
  private boolean answered;
  private long question;
  private long askedMs;

  Lender(
      Blocks blocks,
      Home home,
      LoanTimes times,
      LoanRecords records,
      LocalPorts ports,
      Numbers numbers,
      Consumer<LoanMessage> partner) {
    this.blocks = blocks;
    this.home = home;
    this.times = times;
    this.records = records;
    this.ports = ports;
    this.numbers = numbers;
    this.partner = partner;
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

  /**
   * Nobody knows what was lent: all that is not seen to be in use here counts as lent just now. A
   * block with connections of this node's was not lent, since only unused ones ever are.
   */
  void forget(long nowMs) {
    for (int block = 0; block < blocks.count(); block++) {
      if (isOwn(block)) {
        if (ports.unused(block)) {
          records.set(block, UNKNOWN, nowMs + times.awayMs(times.loanMs()));
        } else {
          records.free(block);
        }
      }
    }
  }

  /** Takes back what has run out and rested. */
  void settle(long nowMs) {
    for (int block = 0; block < blocks.count(); block++) {
      if (isOwn(block) && mayGrant(block, nowMs)) {
        records.free(block);
      }
    }
  }

  /** Asks for what it does not know, until that is answered once: the rest is a matter of time. */
  void tick(long nowMs) {
    if (answered || count(UNKNOWN) == 0) {
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
    if (rested && useMs > 0) {
      int most = Math.min(asked.blocks(), unused(asked.of()) - reserve(asked.of()));
      for (int tried = 0; tried < blocks.count() && lent.size() < most; tried++) {
        int block = next;
        next = (next + 1) % blocks.count();
        if (isOwnOf(block, asked.of()) && records.epoch(block) == FREE && ports.unused(block)) {
          Loan loan = new Loan(blocks.id(block), numbers.next());
          records.set(block, loan.epoch(), nowMs + times.awayMs(useMs));
          lent.add(loan);
        }
      }
    }
    partner.accept(new LoanMessage.Lent(asked.request(), useMs, lent));
  }

  void renew(LoanMessage.Renew asked, long nowMs) {
    List<Loan> lent = new ArrayList<>();
    long useMs = times.lendMs(asked.useMs());
    for (Loan loan : asked.loans()) {
      int block = lent(loan);
      // One that rests was over for the borrower before it was for this node.
      if (block >= 0 && useMs > 0 && nowMs < records.untilMs(block) - times.restMs()) {
        long untilMs = nowMs + times.awayMs(useMs);
        records.setUntil(block, Math.max(records.untilMs(block), untilMs));
        lent.add(loan);
      }
    }
    partner.accept(new LoanMessage.Lent(asked.request(), useMs, lent));
  }

  void returned(LoanMessage.Return returned) {
    for (Loan loan : returned.loans()) {
      int block = lent(loan);
      if (block >= 0) {
        records.free(block);
      }
    }
  }

  void held(LoanMessage.Held held, long nowMs) {
    if (answered || question == 0 || held.question() != question) {
      return;
    }
    answered = true;
    for (Loan loan : held.loans()) {
      int block = blocks.number(loan.block());
      if (block >= 0 && isOwn(block) && records.epoch(block) == UNKNOWN) {
        records.set(block, loan.epoch(), nowMs + times.awayMs(times.loanMs()));
      }
    }
    for (int block = 0; block < blocks.count(); block++) {
      if (isOwn(block) && records.epoch(block) == UNKNOWN) {
        long untilMs = nowMs + times.atLeast(held.restMs());
        records.setUntil(block, Math.min(records.untilMs(block), untilMs));
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

  private boolean isOwnOf(int block, Blocks.Address of) {
    return isOwn(block) && blocks.id(block).isOf(of);
  }

  /** Blocks of an address that are its own and unused. */
  private int unused(Blocks.Address of) {
    int unused = 0;
    for (int block = 0; block < blocks.count(); block++) {
      unused += isOwnOf(block, of) && records.epoch(block) == FREE && ports.unused(block) ? 1 : 0;
    }
    return unused;
  }

  /** Blocks of its own with this epoch. */
  int count(long epoch) {
    int count = 0;
    for (int block = 0; block < blocks.count(); block++) {
      count += isOwn(block) && records.epoch(block) == epoch ? 1 : 0;
    }
    return count;
  }

  /** Unused blocks that it keeps for itself: a quarter of its own of an address. */
  private int reserve(Blocks.Address of) {
    int own = 0;
    for (int block = 0; block < blocks.count(); block++) {
      own += isOwnOf(block, of) ? 1 : 0;
    }
    return (own + 3) / 4;
  }
}

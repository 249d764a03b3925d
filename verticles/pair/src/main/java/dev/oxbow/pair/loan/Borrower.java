package dev.oxbow.pair.loan;

import static dev.oxbow.pair.loan.LoanRecords.FREE;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The half of the protocol in which a node is the guest: which of the partner's blocks it may use
 * until when.
 */
final class Borrower {

  /** Blocks for which a node asks at once. */
  private static final int STEP = 4;

  private final Blocks blocks;
  private final Home home;
  private final LoanTimes times;
  private final LoanRecords records;
  private final LocalPorts ports;
  private final Numbers numbers;
  private final Consumer<LoanMessage> partner;
  private final Requests borrowing = new Requests();
  private final Requests renewing = new Requests();

  /** Since when there was no port of an address. */
  private final Map<Blocks.Address, Long> shortMs = new HashMap<>();

  Borrower(
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

  private boolean mayGrant(int block, long nowMs) {
    return nowMs < grantUntilMs(block);
  }

  /** 0 for a block that it does not hold. */
  long grantUntilMs(int block) {
    return records.epoch(block) == FREE ? 0 : records.untilMs(block) - times.drainMs();
  }

  /** Likewise. */
  long useUntilMs(int block) {
    return records.epoch(block) == FREE ? 0 : records.untilMs(block);
  }

  /** Nobody knows what was borrowed: nothing is any more. */
  void forget() {
    for (int block = 0; block < blocks.count(); block++) {
      if (isForeign(block)) {
        if (!ports.unused(block)) {
          ports.end(block);
        }
        records.free(block);
      }
    }
  }

  /** Ends what has run out. */
  void settle(long nowMs) {
    for (int block = 0; block < blocks.count(); block++) {
      if (isHeld(block) && nowMs >= records.untilMs(block)) {
        ports.end(block);
        records.free(block);
      }
    }
  }

  /** This node has no port of an address left for somebody. */
  void need(Blocks.Address of, long nowMs) {
    shortMs.put(of, nowMs);
    borrow(nowMs);
  }

  void tick(long nowMs) {
    // Whoever is short says so again with the next connection that finds no port.
    shortMs.values().removeIf(sinceMs -> nowMs - sinceMs >= times.loanMs() / 4);
    giveBack();
    renew(nowMs);
    borrow(nowMs);
  }

  private void giveBack() {
    List<Loan> unused = new ArrayList<>();
    for (int block = 0; block < blocks.count(); block++) {
      if (isHeld(block) && !isShort(block) && ports.unused(block)) {
        unused.add(loan(block));
        records.free(block);
      }
    }
    if (!unused.isEmpty()) {
      partner.accept(new LoanMessage.Return(unused));
    }
  }

  private void renew(long nowMs) {
    if (!renewing.isDue(nowMs, times.retryMs())) {
      return;
    }
    List<Loan> due = new ArrayList<>();
    for (int block = 0; block < blocks.count(); block++) {
      if (isHeld(block) && records.untilMs(block) - nowMs < times.useMs(times.loanMs()) * 3 / 4) {
        due.add(loan(block));
      }
    }
    if (!due.isEmpty()) {
      long request = numbers.next();
      renewing.sent(request, nowMs);
      partner.accept(new LoanMessage.Renew(request, times.loanMs(), due));
    }
  }

  private boolean isShort(int block) {
    return !shortMs.isEmpty()
        && shortMs.keySet().stream().anyMatch(address -> blocks.id(block).isOf(address));
  }

  private void borrow(long nowMs) {
    if (shortMs.isEmpty() || !borrowing.isDue(nowMs, times.retryMs())) {
      return;
    }
    for (Blocks.Address of : shortMs.keySet()) {
      if (!hasUnused(of, nowMs)) {
        long request = numbers.next();
        borrowing.sent(request, nowMs);
        partner.accept(new LoanMessage.Borrow(request, times.loanMs(), STEP, of));
      }
    }
  }

  private boolean hasUnused(Blocks.Address of, long nowMs) {
    for (int block = 0; block < blocks.count(); block++) {
      if (isForeign(block)
          && blocks.id(block).isOf(of)
          && mayGrant(block, nowMs)
          && ports.unused(block)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Takes what was lent. An answer that nobody waits for lends nothing: it may be a copy of one
   * whose blocks have gone back since.
   */
  void lent(LoanMessage.Lent lent, long nowMs) {
    long renewedMs = renewing.answered(lent.request());
    long useMs = times.useMs(lent.useMs());
    if (renewedMs != Requests.UNASKED) {
      lent.loans().forEach(loan -> extend(loan, renewedMs + useMs));
      return;
    }
    long askedMs = borrowing.answered(lent.request());
    List<Loan> refused = new ArrayList<>();
    for (Loan loan : lent.loans()) {
      int block = blocks.number(loan.block());
      if (block < 0 || !isForeign(block) || isHeld(block)) {
        continue;
      }
      if (askedMs != Requests.UNASKED && nowMs < askedMs + useMs) {
        records.set(block, loan.epoch(), askedMs + useMs);
      } else if (ports.unused(block) && nowMs >= records.bornMs() + times.restMs()) {
        // What this node does not use may as well go home now; what still rests runs out.
        refused.add(loan);
      }
    }
    if (!refused.isEmpty()) {
      partner.accept(new LoanMessage.Return(refused));
    }
  }

  private void extend(Loan loan, long untilMs) {
    int block = blocks.number(loan.block());
    if (block >= 0 && isHeld(block) && records.epoch(block) == loan.epoch()) {
      records.setUntil(block, Math.max(records.untilMs(block), untilMs));
    }
  }

  /** Says what it holds, and takes nothing that was lent before the other lost its memory. */
  void asked(LoanMessage.Ask asked, long nowMs) {
    borrowing.cancel();
    renewing.cancel();
    List<Loan> held = new ArrayList<>();
    // Without memory nobody knows what of the connections before still rests.
    long restMs = times.trueMs(Math.max(0, records.bornMs() + times.restMs() - nowMs));
    for (int block = 0; block < blocks.count(); block++) {
      if (isHeld(block)) {
        held.add(loan(block));
      } else if (isForeign(block) && !ports.unused(block)) {
        // A loan of it has run out, and connections were cut off.
        restMs = Math.max(restMs, times.quarantineMs());
      }
    }
    partner.accept(new LoanMessage.Held(asked.question(), restMs, held));
  }

  private boolean isForeign(int block) {
    return blocks.home(block) != home;
  }

  private boolean isHeld(int block) {
    return isForeign(block) && records.epoch(block) != FREE;
  }

  /** Blocks of the partner's that it holds. */
  int count() {
    int count = 0;
    for (int block = 0; block < blocks.count(); block++) {
      count += isHeld(block) ? 1 : 0;
    }
    return count;
  }

  private Loan loan(int block) {
    return new Loan(blocks.id(block), records.epoch(block));
  }
}

package dev.oxbow.pair.loan;

import static dev.oxbow.pair.loan.LoanRecords.FREE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * The half of the protocol in which a node is the guest: which of the partner's blocks it may use
 * until when.
 */
final class Borrower {

  /** Blocks for which a node asks at once. */
  private static final int STEP = 4;

  private static final long NEVER = Long.MIN_VALUE;

  private final Blocks blocks;
  private final Home others;
  private final LoanTimes times;
  private final LoanRecords records;
  private final LocalPorts ports;
  private final Numbers numbers;
  private final Outlet partner;
  private final Standing held;

  /** Of each address, so that none waits for another. */
  private final Requests[] borrowing;

  private final Requests renewing = new Requests();

  /** For how long the partner lends, on this clock. */
  private long termMs;

  /** Of each address: when a connection found no port there, or {@link #NEVER}. */
  private final long[] shortMs;

  /** Addresses of which it holds a block that nobody uses, as of this tick. */
  private final BitSet spare = new BitSet();

  /**
   * @param changed gets the blocks whose record has changed
   */
  Borrower(
      Blocks blocks,
      Home home,
      LoanTimes times,
      LoanRecords records,
      LocalPorts ports,
      Numbers numbers,
      BlockSet changed,
      Outlet partner) {
    this.blocks = blocks;
    this.others = home == Home.FIRST ? Home.SECOND : Home.FIRST;
    this.times = times;
    this.records = records;
    this.ports = ports;
    this.numbers = numbers;
    this.partner = partner;
    this.held = new Standing(records, blocks.count(), changed);
    this.borrowing = new Requests[blocks.addresses()];
    Arrays.setAll(borrowing, address -> new Requests());
    this.termMs = times.useMs(times.loanMs());
    this.shortMs = new long[blocks.addresses()];
    Arrays.fill(shortMs, NEVER);
  }

  private boolean mayGrant(int block, long nowMs) {
    return nowMs < grantUntilMs(block);
  }

  /** 0 for a block that it does not hold. */
  long grantUntilMs(int block) {
    return records.epoch(block) == FREE
        ? 0
        : records.untilMs(block) - Math.min(times.drainMs(), termMs / 3);
  }

  /** Likewise. */
  long useUntilMs(int block) {
    return records.epoch(block) == FREE ? 0 : records.untilMs(block);
  }

  /** Goes on from what the memory says. */
  void recall() {
    for (int block = 0; block < blocks.count(); block++) {
      if (isForeign(block)) {
        held.recall(block);
      }
    }
  }

  /** Nobody knows what was borrowed: nothing is any more. */
  void forget() {
    for (int block = 0; block < blocks.count(); block++) {
      if (isForeign(block)) {
        if (!ports.unused(block)) {
          ports.end(block);
        }
        held.free(block);
      }
    }
  }

  /** Ends what has run out. */
  void settle(long nowMs) {
    held.settle(nowMs, ports::end);
  }

  /** This node has no port of an address left for somebody. */
  void need(int address, long nowMs) {
    shortMs[address] = nowMs;
    if (borrowing[address].isDue(nowMs, times.retryMs()) && !hasSpare(address, nowMs)) {
      borrow(address, nowMs);
    }
  }

  private boolean hasSpare(int address, long nowMs) {
    for (int block : blocks.of(address, others)) {
      if (mayGrant(block, nowMs) && ports.unused(block)) {
        return true;
      }
    }
    return false;
  }

  private void borrow(int address, long nowMs) {
    long request = numbers.next();
    borrowing[address].sent(request, nowMs);
    partner.accept(new LoanMessage.Borrow(request, times.loanMs(), STEP, blocks.address(address)));
  }

  void tick(long nowMs) {
    for (int address = 0; address < shortMs.length; address++) {
      // Whoever is short says so again with the next connection that finds no port.
      if (isShort(address) && nowMs - shortMs[address] >= times.loanMs() / 4) {
        shortMs[address] = NEVER;
      }
    }
    giveBack(nowMs);
    renew(nowMs);
    for (int address = 0; address < shortMs.length; address++) {
      if (isShort(address)
          && !spare.get(address)
          && borrowing[address].isDue(nowMs, times.retryMs())) {
        borrow(address, nowMs);
      }
    }
  }

  private boolean isShort(int address) {
    return shortMs[address] != NEVER;
  }

  /** Gives back what nobody uses; of an address that is short it is to spare. */
  private void giveBack(long nowMs) {
    spare.clear();
    boolean goesBack = !partner.isDown();
    List<Loan> unused = new ArrayList<>();
    for (int place = held.size() - 1; place >= 0; place--) {
      int block = held.get(place);
      if (!ports.unused(block)) {
        continue;
      }
      int address = blocks.addressOf(block);
      if (goesBack && !isShort(address)) {
        unused.add(loan(block));
        held.free(block);
      } else if (mayGrant(block, nowMs)) {
        spare.set(address);
      }
    }
    // What was lost on the way is nobody's until the loan has run out.
    for (List<Loan> part : parts(unused)) {
      partner.accept(new LoanMessage.Return(part));
    }
  }

  private void renew(long nowMs) {
    if (!renewing.isDue(nowMs, times.retryMs())) {
      return;
    }
    List<Loan> due = new ArrayList<>();
    for (int place = 0; place < held.size(); place++) {
      int block = held.get(place);
      if (records.untilMs(block) - nowMs < termMs * 3 / 4) {
        due.add(loan(block));
      }
    }
    for (List<Loan> part : parts(due)) {
      long request = numbers.next();
      renewing.sent(request, nowMs);
      partner.accept(new LoanMessage.Renew(request, times.loanMs(), part));
    }
  }

  /** As many as one message may name, each. */
  private static List<List<Loan>> parts(List<Loan> loans) {
    List<List<Loan>> parts = new ArrayList<>();
    for (int from = 0; from < loans.size(); from += LoanMessage.MOST_LOANS) {
      parts.add(loans.subList(from, Math.min(loans.size(), from + LoanMessage.MOST_LOANS)));
    }
    return parts;
  }

  /**
   * Takes what was lent. An answer that nobody waits for lends nothing: it may be a copy of one
   * whose blocks have gone back since.
   */
  void lent(LoanMessage.Lent lent, long nowMs) {
    long renewedMs = renewing.answered(lent.request());
    long useMs = times.useMs(lent.useMs());
    long askedMs = renewedMs == Requests.UNASKED ? borrowed(lent.request()) : renewedMs;
    if (askedMs != Requests.UNASKED && !lent.loans().isEmpty() && useMs != termMs) {
      termMs = useMs;
      held.changed();
    }
    if (renewedMs != Requests.UNASKED) {
      lent.loans().forEach(loan -> extend(loan, renewedMs + useMs));
      return;
    }
    List<Loan> refused = new ArrayList<>();
    for (Loan loan : lent.loans()) {
      int block = blocks.number(loan.block());
      if (block < 0 || !isForeign(block) || held.contains(block)) {
        continue;
      }
      if (askedMs != Requests.UNASKED && nowMs < askedMs + useMs) {
        held.set(block, loan.epoch(), askedMs + useMs);
      } else if (ports.unused(block) && nowMs >= records.bornMs() + times.restMs()) {
        // What this node does not use may as well go home now; what still rests runs out.
        refused.add(loan);
      }
    }
    if (!refused.isEmpty()) {
      partner.accept(new LoanMessage.Return(refused));
    }
  }

  private long borrowed(long request) {
    for (Requests each : borrowing) {
      long askedMs = each.answered(request);
      if (askedMs != Requests.UNASKED) {
        return askedMs;
      }
    }
    return Requests.UNASKED;
  }

  private void extend(Loan loan, long untilMs) {
    int block = blocks.number(loan.block());
    if (block >= 0 && held.contains(block) && records.epoch(block) == loan.epoch()) {
      held.setUntil(block, Math.max(records.untilMs(block), untilMs));
    }
  }

  /** Says what it holds, and takes nothing that was lent before the other lost its memory. */
  void asked(LoanMessage.Ask asked, long nowMs) {
    renewing.cancel();
    for (Requests each : borrowing) {
      each.cancel();
    }
    for (int address = 0; address < blocks.addresses(); address++) {
      List<Loan> loans = new ArrayList<>();
      // Without memory nobody knows what of the connections before still rests.
      long restMs = times.trueMs(Math.max(0, records.bornMs() + times.restMs() - nowMs));
      for (int block : blocks.of(address, others)) {
        if (held.contains(block)) {
          loans.add(loan(block));
        } else if (!ports.unused(block)) {
          // A loan of it has run out, and connections were cut off.
          restMs = Math.max(restMs, times.quarantineMs());
        }
      }
      partner.accept(
          new LoanMessage.Held(asked.question(), restMs, blocks.address(address), loans));
    }
  }

  private boolean isForeign(int block) {
    return blocks.home(block) == others;
  }

  /** Blocks of the partner's that it holds. */
  int count() {
    return held.size();
  }

  private Loan loan(int block) {
    return new Loan(blocks.id(block), records.epoch(block));
  }
}

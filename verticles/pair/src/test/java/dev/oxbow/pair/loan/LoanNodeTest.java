package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The protocol by example: two nodes, true clocks, and a network that the test plays. */
@DescriptorLeaks
class LoanNodeTest {
  private static final Blocks BLOCKS = Blocks.of(List.of(new Blocks.Range(0, 7, 128, 1_151)));
  private static final LoanTimes TIMES = new LoanTimes(60_000, 10_000, 30_000, 1_000, 0);

  /** Blocks of each are 8; a quarter stays at home. */
  private static final int MOST = 6;

  private static final long BOOT = 1;
  private static final Blocks.Address OF = new Blocks.Address(0, 7);

  private final Node first = new Node(Home.FIRST);
  private final Node second = new Node(Home.SECOND);
  private long nowMs = 5_000;

  /** A node with its connections, its memory, and what it has said. */
  private static final class Node implements LocalPorts {
    final BitSet used = new BitSet();
    final Deque<LoanMessage> said = new ArrayDeque<>();
    final Home home;
    LoanTimes times = TIMES;
    ByteBuffer memory = ByteBuffer.allocate(LoanRecords.bytes(BLOCKS.count()));
    LoanNode loans;
    boolean portsRemembered = true;
    boolean down;
    final BitSet takenOver = new BitSet();

    Node(Home home) {
      this.home = home;
    }

    boolean start(long nowMs, long boot) {
      loans =
          new LoanNode(
              BLOCKS, home, times, new LoanRecords(memory, boot), this, new Random(), new Way());
      return loans.start(nowMs, portsRemembered);
    }

    private final class Way implements Outlet {
      @Override
      public void accept(LoanMessage message) {
        said.add(message);
      }

      @Override
      public boolean isDown() {
        return down;
      }
    }

    @Override
    public boolean began(int block) {
      return used.get(block) && !takenOver.get(block);
    }

    @Override
    public boolean unused(int block) {
      return !used.get(block);
    }

    @Override
    public void end(int block) {
      used.clear(block);
    }

    int granting(long nowMs) {
      int blocks = 0;
      for (int block = 0; block < BLOCKS.count(); block++) {
        blocks += loans.mayGrant(block, nowMs) ? 1 : 0;
      }
      return blocks;
    }
  }

  @BeforeEach
  void bothHaveRested() {
    first.start(nowMs, BOOT);
    second.start(nowMs, BOOT);
    deliver();
    after(TIMES.quarantineMs());
    assertThat(first.granting(nowMs)).isEqualTo(8);
    assertThat(second.granting(nowMs)).isEqualTo(8);
  }

  private void after(long ms) {
    nowMs += ms;
    first.loans.tick(nowMs);
    second.loans.tick(nowMs);
  }

  /** Brings what was said to the other, answers too. */
  private void deliver() {
    while (!first.said.isEmpty() || !second.said.isEmpty()) {
      deliver(first, second);
      deliver(second, first);
    }
  }

  private void deliver(Node from, Node to) {
    while (!from.said.isEmpty()) {
      to.loans.handle(from.said.remove(), nowMs);
    }
  }

  /** The second borrows a block and has a connection there: its number. */
  private int borrow() {
    second.loans.need(0, nowMs);
    deliver();
    for (int block = 0; block < BLOCKS.count(); block++) {
      if (BLOCKS.home(block) == Home.FIRST && second.loans.mayGrant(block, nowMs)) {
        second.used.set(block);
        return block;
      }
    }
    throw new AssertionError("nothing was lent");
  }

  @Test
  void whoIsShortBorrowsAndTheHomeKeepsAQuarter() {
    for (int i = 0; i < 5; i++) {
      borrow();
      second.used.set(0, BLOCKS.count());
      after(TIMES.retryMs());
    }
    assertThat(second.loans.borrowed()).isEqualTo(MOST);
    assertThat(first.loans.lent()).isEqualTo(MOST);
    assertThat(first.granting(nowMs)).isEqualTo(8 - MOST);
    assertThat(second.granting(nowMs)).isEqualTo(8 + MOST);
  }

  @Test
  void aBlockWithConnectionsIsNotLent() {
    first.used.set(0, BLOCKS.count());
    second.loans.need(0, nowMs);
    deliver();
    assertThat(second.loans.borrowed()).isZero();
  }

  @Test
  void aLoanThatCannotBeRenewedDrainsThenCutsOffAndComesHomeAfterTheQuarantine() {
    int block = borrow();
    long borrowedMs = nowMs;
    after(TIMES.loanMs() - TIMES.drainMs() - 1);
    assertThat(second.loans.mayGrant(block, nowMs)).isTrue();
    after(1);
    assertThat(second.loans.mayGrant(block, nowMs)).isFalse();
    after(TIMES.drainMs() - 1);
    assertThat(second.loans.mayUse(block, nowMs)).isTrue();
    assertThat(second.used.get(block)).isTrue();
    after(1);
    assertThat(second.loans.mayUse(block, nowMs)).isFalse();
    assertThat(second.used.get(block)).isFalse();
    after(TIMES.quarantineMs() - 1);
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
    after(1);
    assertThat(first.loans.mayGrant(block, nowMs)).isTrue();
    assertThat(nowMs).isEqualTo(borrowedMs + TIMES.loanMs() + TIMES.quarantineMs());
  }

  @Test
  void aLoanBeginsWithItsRequestHoweverLateTheAnswerIs() {
    second.loans.need(0, nowMs);
    deliver(second, first);
    nowMs += TIMES.loanMs() - TIMES.drainMs() - 1;
    deliver(first, second);
    assertThat(second.loans.borrowed()).isPositive();
    assertThat(second.granting(nowMs)).isGreaterThan(8);
    assertThat(second.granting(nowMs + 1)).isEqualTo(8);
  }

  @Test
  void aLoanLivesAsLongAsItsConnectionsWhileTheLinkWorks() {
    int block = borrow();
    for (int i = 0; i < 100; i++) {
      after(TIMES.loanMs() / 6);
      deliver();
      assertThat(second.loans.mayUse(block, nowMs)).isTrue();
      assertThat(second.used.get(block)).isTrue();
    }
    assertThat(second.loans.borrowed()).isEqualTo(1);
    second.used.clear(block);
    after(1);
    deliver();
    assertThat(second.loans.borrowed()).isZero();
    assertThat(first.granting(nowMs)).isEqualTo(8);
  }

  /** It would keep a block away for another loan that nobody has. */
  @Test
  void aRenewalThatComesWhenTheLoanIsOverIsRefused() {
    int block = borrow();
    after(TIMES.loanMs() / 2);
    LoanMessage renew = second.said.removeLast();
    assertThat(renew).isInstanceOf(LoanMessage.Renew.class);
    after(TIMES.loanMs() / 2);
    first.loans.handle(renew, nowMs);
    after(TIMES.quarantineMs());
    assertThat(first.loans.mayGrant(block, nowMs)).isTrue();
  }

  @Test
  void aCopyOfAnAnswerLendsNothing() {
    second.loans.need(0, nowMs);
    deliver(second, first);
    LoanMessage lent = first.said.element();
    deliver(first, second);
    after(TIMES.loanMs() / 4);
    deliver();
    assertThat(second.loans.borrowed()).isZero();
    assertThat(first.granting(nowMs)).isEqualTo(8);
    second.loans.handle(lent, nowMs);
    assertThat(second.loans.borrowed()).isZero();
    deliver();
    assertThat(first.granting(nowMs)).isEqualTo(8);
  }

  @Test
  void aStragglerOfAnEarlierLoanReturnsNothing() {
    int block = borrow();
    second.used.clear(block);
    after(TIMES.loanMs() / 4);
    LoanMessage returned = second.said.element();
    assertThat(returned).isInstanceOf(LoanMessage.Return.class);
    deliver();
    for (int again = -1; again != block; again = borrow()) {
      second.used.set(0, BLOCKS.count());
      after(TIMES.retryMs());
    }
    first.loans.handle(returned, nowMs);
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
  }

  @Test
  void aSuccessorGoesOnWithTheLoansOfBothSides() {
    int block = borrow();
    assertThat(first.start(nowMs, BOOT)).isTrue();
    assertThat(second.start(nowMs, BOOT)).isTrue();
    assertThat(second.loans.mayUse(block, nowMs)).isTrue();
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
    after(TIMES.loanMs() / 2);
    deliver();
    assertThat(second.loans.mayUse(block, nowMs + TIMES.loanMs() - 1)).isTrue();
  }

  @Test
  void aBorrowerWithoutMemoryEndsWhatIsLeft() {
    int block = borrow();
    second.memory = ByteBuffer.allocate(second.memory.capacity());
    assertThat(second.start(nowMs, BOOT)).isFalse();
    assertThat(second.used.get(block)).isFalse();
    assertThat(second.loans.mayUse(block, nowMs)).isFalse();
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
  }

  @Test
  void whatNobodyUsesGoesBackWhenTheLinkIsThere() {
    int block = borrow();
    second.used.clear(block);
    second.down = true;
    after(TIMES.retryMs());
    assertThat(second.loans.borrowed()).isEqualTo(4);
    second.down = false;
    // Nobody has been short for long enough.
    after(TIMES.loanMs() / 4);
    deliver();
    assertThat(second.loans.borrowed()).isZero();
    assertThat(first.loans.lent()).isZero();
  }

  @Test
  void aConnectionThatWasTakenOverDoesNotSayThatItsBlockWasNotLent() {
    int block = borrow();
    first.used.set(block);
    first.takenOver.set(block);
    first.memory = ByteBuffer.allocate(LoanRecords.bytes(BLOCKS.count()));
    assertThat(first.start(nowMs, BOOT)).isFalse();
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
    assertThat(second.loans.mayGrant(block, nowMs)).isTrue();
    deliver();
    after(TIMES.quarantineMs());
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
  }

  @Test
  void aHomeWithoutMemoryAsksAndUsesTheRestAtOnce() {
    int block = borrow();
    int borrowed = second.loans.borrowed();
    first.memory = ByteBuffer.allocate(first.memory.capacity());
    assertThat(first.start(nowMs, BOOT)).isFalse();
    assertThat(first.granting(nowMs)).isZero();
    deliver();
    assertThat(first.granting(nowMs)).isEqualTo(8 - borrowed);
    assertThat(first.loans.mayGrant(block, nowMs)).isFalse();
    assertThat(first.loans.lent()).isEqualTo(borrowed);
  }

  @Test
  void aHomeWithoutMemoryAndPartnerWaitsForTheLongestLoanAndItsRest() {
    first.used.set(0);
    first.memory = ByteBuffer.allocate(first.memory.capacity());
    first.start(nowMs, BOOT);
    assertThat(first.granting(nowMs)).as("blocks in use here were not lent").isEqualTo(1);
    assertThat(first.loans.unknown()).isEqualTo(7);
    after(TIMES.loanMs() + TIMES.quarantineMs() - 1);
    assertThat(first.granting(nowMs)).isEqualTo(1);
    after(1);
    assertThat(first.granting(nowMs)).isEqualTo(8);
    assertThat(first.loans.unknown()).isZero();
  }

  @Test
  void memoryOfAnotherBootIsNone() {
    borrow();
    assertThat(second.start(nowMs, BOOT + 1)).isFalse();
    assertThat(second.loans.borrowed()).isZero();
  }

  @Test
  void memoryOfTheOtherHomeIsNone() {
    Node turned = new Node(Home.SECOND);
    turned.memory = first.memory;
    assertThat(turned.start(nowMs, BOOT)).isFalse();
    assertThat(turned.loans.unknown()).isEqualTo(8);
  }

  @Test
  void blocksThatWereNotGrantedHereAreNeitherLentNorTaken() {
    Blocks.Id stranger = new Blocks.Id(0, 8, 4);
    second.loans.need(0, nowMs);
    LoanMessage.Borrow borrow = (LoanMessage.Borrow) second.said.remove();
    second.loans.handle(
        new LoanMessage.Lent(borrow.request(), 60_000, List.of(new Loan(stranger, 5))), nowMs);
    first.loans.handle(new LoanMessage.Return(List.of(new Loan(stranger, 5))), nowMs);
    assertThat(second.loans.borrowed()).isZero();
    assertThat(first.granting(nowMs)).isEqualTo(8);
  }

  /** Where the nodes differ, the shorter holds: the home would not wait longer without memory. */
  @Test
  void aLoanThatIsWantedForLongerIsLentForTheHomesTime() {
    first.loans.handle(new LoanMessage.Borrow(9, TIMES.loanMs() + 1, 1, OF), nowMs);
    LoanMessage.Lent lent = (LoanMessage.Lent) first.said.remove();
    assertThat(lent.useMs()).isEqualTo(TIMES.loanMs());
    assertThat(lent.loans()).hasSize(1);
    int block = BLOCKS.number(lent.loans().get(0).block());
    after(TIMES.loanMs() + TIMES.quarantineMs());
    assertThat(first.loans.mayGrant(block, nowMs)).isTrue();
  }

  @Test
  void aLoanEndsWhenTheHomeSaysEvenIfMoreWasWanted() {
    second.loans.need(0, nowMs);
    LoanMessage.Borrow borrow = (LoanMessage.Borrow) second.said.remove();
    Loan loan = new Loan(new Blocks.Id(0, 7, 4), 5);
    second.loans.handle(new LoanMessage.Lent(borrow.request(), 20_000, List.of(loan)), nowMs);
    int block = BLOCKS.number(loan.block());
    assertThat(second.loans.useUntilMs(block, nowMs)).isEqualTo(nowMs + 20_000);
    second.loans.handle(new LoanMessage.Lent(borrow.request(), 60_000, List.of(loan)), nowMs);
    assertThat(second.loans.useUntilMs(block, nowMs)).isEqualTo(nowMs + 20_000);
  }

  @Test
  void memoryOfLoansWithoutThatOfPortsIsNone() {
    int block = borrow();
    second.portsRemembered = false;
    assertThat(second.start(nowMs, BOOT)).isFalse();
    assertThat(second.loans.mayUse(block, nowMs)).isFalse();
    assertThat(second.loans.unknown()).isEqualTo(8);
  }

  /** What is said of loanMs: an upgrade takes the link away, whenever it comes. */
  @Test
  void loanOfTenSecondsOutlastsFiveWithoutALink() {
    LoanTimes times = new LoanTimes(10_000, 2_500, 1_000, 1_000, 100_000);
    for (Node node : List.of(first, second)) {
      node.times = times;
      assertThat(node.start(nowMs, BOOT)).isTrue();
    }
    int block = borrow();
    for (int ticks = 20; ticks < 100; ticks++) {
      for (int i = 0; i < ticks; i++) {
        after(100);
        deliver();
      }
      for (int i = 0; i < 50; i++) {
        after(100);
        first.said.clear();
        second.said.clear();
      }
      assertThat(second.loans.mayUse(block, nowMs)).as("after %d ticks", ticks).isTrue();
    }
  }

  /** Else what is lent for shorter than it was wanted for would always be due, and drain. */
  @Test
  void loansAreRenewedAndDrainByTheTimeOfWhoeverLends() {
    first.times = new LoanTimes(9_000, 2_000, 30_000, 1_000, 0);
    assertThat(first.start(nowMs, BOOT)).isTrue();
    int block = borrow();
    int renewals = 0;
    for (int i = 0; i < 600; i++) {
      after(100);
      renewals += second.said.size();
      deliver();
      assertThat(second.loans.mayGrant(block, nowMs)).isTrue();
    }
    assertThat(renewals).isBetween(15, 30);
  }
}

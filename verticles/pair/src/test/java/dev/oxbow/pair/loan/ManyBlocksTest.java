package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.partner.PartnerLink;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** 256 addresses with 1,008 blocks each, of which the second node needs all that it can have. */
@DescriptorLeaks
class ManyBlocksTest {
  private static final int ADDRESSES = 256;
  private static final Blocks BLOCKS =
      Blocks.of(
          IntStream.range(0, ADDRESSES)
              .mapToObj(low -> new Blocks.Range(0, low, 1_024, 65_535))
              .toList());
  private static final LoanTimes TIMES = new LoanTimes(600_000, 150_000, 30_000, 1_000, 0);

  /** Of each half; a quarter stays at home. */
  private static final int HALF = ADDRESSES * 1_008 / 2;

  private static final int MOST = HALF * 3 / 4;

  private final Node first = new Node(Home.FIRST);
  private final Node second = new Node(Home.SECOND);
  private long nowMs = 5_000;

  /** A node with its connections, its memory, what it was told last, and what it has said. */
  private static final class Node implements LocalPorts {
    final BitSet used = new BitSet();
    final BitSet granting = new BitSet();
    final Deque<LoanMessage> said = new ArrayDeque<>();
    final Home home;
    LoanNode loans;
    int longest;

    /** How often it was looked whether a block is unused. */
    int looks;

    Node(Home home) {
      this.home = home;
    }

    void startWithoutMemory(long nowMs) {
      ByteBuffer memory = ByteBuffer.allocate(LoanRecords.bytes(BLOCKS.count()));
      SplittableRandom random = new SplittableRandom(nowMs + home.hashCode());
      loans =
          new LoanNode(BLOCKS, home, TIMES, new LoanRecords(memory, 1), this, random, this::say);
      loans.start(nowMs, true);
    }

    private void say(LoanMessage message) {
      byte[] bytes = LoanCodec.encode(message);
      longest = Math.max(longest, bytes.length);
      said.add(LoanCodec.decode(bytes));
    }

    /** What Fish is told: as much as all that could be. */
    int granting(long nowMs) {
      loans.tellChanged(block -> granting.set(block, loans.mayGrant(block, nowMs)));
      return granting.cardinality();
    }

    @Override
    public boolean began(int block) {
      return !unused(block);
    }

    @Override
    public boolean unused(int block) {
      looks++;
      return !used.get(block);
    }

    @Override
    public void end(int block) {
      used.clear(block);
    }
  }

  @BeforeEach
  void secondBorrowsAllThatItCan() {
    first.startWithoutMemory(nowMs);
    second.startWithoutMemory(nowMs);
    deliver();
    after(TIMES.quarantineMs());
    assertThat(first.granting(nowMs)).isEqualTo(HALF);
    assertThat(second.granting(nowMs)).isEqualTo(HALF);
    second.used.set(0, BLOCKS.count());
    while (second.loans.borrowed() < MOST) {
      int before = second.loans.borrowed();
      for (int address = 0; address < ADDRESSES; address++) {
        second.loans.need(address, nowMs);
      }
      deliver();
      assertThat(second.loans.borrowed() - before).isGreaterThan(ADDRESSES);
      after(TIMES.retryMs());
    }
    assertThat(first.loans.lent()).isEqualTo(MOST);
    assertThat(first.granting(nowMs)).isEqualTo(HALF - MOST);
    assertThat(second.granting(nowMs)).isEqualTo(HALF + MOST);
    second.used.and(second.granting);
  }

  private void after(long ms) {
    nowMs += ms;
    first.loans.tick(nowMs);
    second.loans.tick(nowMs);
  }

  private void deliver() {
    while (!first.said.isEmpty() || !second.said.isEmpty()) {
      deliver(first, second, 0);
      deliver(second, first, 0);
    }
  }

  /** Brings what was said, but for one of so many. */
  private void deliver(Node from, Node to, int loses) {
    for (int i = 1; !from.said.isEmpty(); i++) {
      LoanMessage message = from.said.remove();
      if (loses == 0 || i % loses != 0) {
        to.loans.handle(message, nowMs);
      }
    }
    assertThat(from.longest).isLessThan(PartnerLink.MAX_BYTES / 2);
  }

  @Test
  void allAreRenewedHoweverManyMessagesItTakesAndWhicheverAreLost() {
    after(TIMES.loanMs() / 2);
    assertThat(second.said.size()).isGreaterThan(MOST / LoanMessage.MOST_LOANS);
    deliver(second, first, 3);
    deliver(first, second, 4);
    after(TIMES.retryMs());
    deliver();
    // Those of before would have begun to drain.
    after(TIMES.loanMs() / 2 - TIMES.drainMs() / 2);
    deliver();
    assertThat(second.loans.borrowed()).isEqualTo(MOST);
    for (int block = 0; block < BLOCKS.count(); block++) {
      assertThat(first.loans.mayGrant(block, nowMs))
          .isNotEqualTo(BLOCKS.home(block) == Home.SECOND || second.loans.mayUse(block, nowMs));
    }
  }

  @Test
  void whatIsNotUsedGoesBackInSeveralMessages() {
    second.used.clear();
    after(TIMES.loanMs() / 4);
    assertThat(second.said.size()).isGreaterThan(MOST / LoanMessage.MOST_LOANS);
    assertThat(second.loans.borrowed()).isZero();
    assertThat(second.granting(nowMs)).isEqualTo(HALF);
    deliver();
    assertThat(first.granting(nowMs)).isEqualTo(HALF);
  }

  @Test
  void addressesThatAreShortAtOnceDoNotWaitForOneAnother() {
    second.used.clear();
    after(TIMES.loanMs() / 4);
    deliver();
    second.used.set(0, BLOCKS.count());
    for (int i = 0; i < 2 * ADDRESSES; i++) {
      second.loans.need(i % ADDRESSES, nowMs);
    }
    assertThat(second.said.size()).as("one of each").isEqualTo(ADDRESSES);
    deliver();
    for (int address = 0; address < ADDRESSES; address++) {
      assertThat(IntStream.of(BLOCKS.of(address, Home.FIRST)))
          .filteredOn(block -> second.loans.mayGrant(block, nowMs))
          .hasSize(4);
    }
  }

  @Test
  void homeWithoutMemoryIsToldOfEachAddressByItself() {
    first.startWithoutMemory(nowMs);
    assertThat(first.loans.unknown()).isEqualTo(HALF);
    deliver(first, second, 0);
    second.said.removeIf(message -> !(message instanceof LoanMessage.Held));
    assertThat(second.said.size()).isEqualTo(ADDRESSES);
    deliver(second, first, 2);
    assertThat(first.loans.unknown()).isEqualTo(HALF / 2);
    assertThat(first.loans.lent()).isEqualTo(MOST / 2);
    assertThat(first.granting(nowMs)).isEqualTo((HALF - MOST) / 2);
    after(TIMES.retryMs());
    deliver();
    assertThat(first.loans.unknown()).isZero();
    assertThat(first.loans.lent()).isEqualTo(MOST);
    assertThat(first.granting(nowMs)).isEqualTo(HALF - MOST);
    after(TIMES.retryMs());
    assertThat(first.said.size()).as("there is nothing to ask for any more").isZero();
  }

  @Test
  void messageWithMoreIsRefusedWhereItIsMade() {
    List<Loan> loans =
        Collections.nCopies(LoanMessage.MOST_LOANS + 1, new Loan(new Blocks.Id(0, 7, 4), 5));
    assertThatThrownBy(() -> new LoanMessage.Return(loans))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("2049 loans in one message");
  }

  /** All of it happens on the loop that carries packets. */
  @Test
  void nothingGoesOverAllBlocks() {
    first.looks = 0;
    second.looks = 0;
    after(TIMES.retryMs());
    assertThat(first.looks).isZero();
    assertThat(second.looks).as("each that is borrowed").isEqualTo(MOST);
    second.said.clear();
    AtomicInteger told = new AtomicInteger();
    first.loans.tellChanged(block -> told.incrementAndGet());
    second.loans.tellChanged(block -> told.incrementAndGet());
    assertThat(told).hasValue(0);
    first.loans.handle(new LoanMessage.Borrow(9, 60_000, 4, BLOCKS.address(7)), nowMs);
    assertThat(first.looks).as("those of the address").isLessThan(1_008);
  }
}

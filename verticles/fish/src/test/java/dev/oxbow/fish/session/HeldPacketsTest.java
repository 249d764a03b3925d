package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.flow.Outbox;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Messages wait for flows that are full, in their order, and no flow has all the room. */
@DescriptorLeaks
class HeldPacketsTest {
  private static final int MAX_BYTES = 65_000;
  private static final int QUEUE_BYTES = 512 << 10;

  private final SessionLedger ledger =
      new SessionLedger(StateTable.open("held-test", SessionLedger.layout(8)));
  private final Allowances allowances = new Allowances(uid -> new QuotaOptions());
  private final List<Descriptor> ends = new ArrayList<>();
  private final NativeMemory message = NativeMemory.allocate(MAX_BYTES);
  private final NativeMemory read = NativeMemory.allocate(MAX_BYTES);
  private final Outbox out = new Outbox();

  @AfterEach
  void close() {
    Descriptor.closeAll(ends);
    ledger.close();
  }

  private static final class Unheeded implements SessionPlane.Observer {
    @Override
    public void exhausted(long high, long low, int port) {
      throw new AssertionError("no port was asked for");
    }

    @Override
    public void closed(FlowOutcome outcome) {
      throw new AssertionError("nothing ends");
    }
  }

  /** A session whose flow is full, and the number of messages that are in that. */
  private record Full(Session session, Descriptor far, int[] taken) {}

  private Full full() {
    List<Descriptor> pair = EgressStage.packetPair();
    ends.addAll(pair);
    SessionRecord record = Objects.requireNonNull(ledger.free());
    SessionSpec spec =
        new SessionSpec(
            record.slot() + 1,
            new SessionSpec.Owner(0, "test", null),
            pair.get(0).fd(),
            FlowKind.SEQPACKET,
            false,
            MAX_BYTES,
            Mapping.PER_DESTINATION,
            List.of());
    record.begin(spec, 0);
    Session session = new Session(spec, record, new Unheeded(), allowances);
    int[] taken = {0};
    while (session.port.send(outbox(taken[0], MAX_BYTES)) == 1) {
      out.clear();
      taken[0]++;
    }
    out.clear();
    return new Full(session, pair.get(1), taken);
  }

  /** With one message that says its number. */
  private Outbox outbox(int number, int bytes) {
    out.clear();
    message.putInt(0, number);
    message.putInt(bytes - Integer.BYTES, number);
    out.add(message.address(), bytes);
    return out;
  }

  private boolean add(HeldPackets held, Full to, int number, int bytes) {
    boolean added = held.add(to.session, outbox(number, bytes));
    out.clear();
    return added;
  }

  /** Takes a message out of the flow, which has a number. */
  private void take(Full from, int number) {
    long bytes = Syscalls.read(from.far.fd(), read.address(), MAX_BYTES);
    assertThat(read.getInt(0)).isEqualTo(number);
    assertThat(read.getInt((int) bytes - Integer.BYTES)).isEqualTo(number);
  }

  @Test
  void spaceIsUsedAgainWhileMessagesWait() {
    try (HeldPackets held = HeldPackets.open()) {
      Full flow = full();
      int next = flow.taken[0];
      while (add(held, flow, next, MAX_BYTES)) {
        next++;
      }
      assertThat(held.count(flow.session)).isEqualTo(QUEUE_BYTES / MAX_BYTES);
      take(flow, 0);
      assertThat(held.flush(flow.session, out)).isZero();
      for (int i = 1; i < 100; i++) {
        take(flow, i);
        assertThat(held.flush(flow.session, out)).isZero();
        assertThat(held.count(flow.session)).isPositive();
        assertThat(add(held, flow, next, MAX_BYTES)).as("%d", i).isTrue();
        next++;
      }
    }
  }

  @Test
  void messagesOfAnyLengthStayInOrderAndAreCounted() {
    Random random = new Random(20261128);
    try (HeldPackets held = HeldPackets.open(2, 4, 150_000)) {
      Full flow = full();
      int added = flow.taken[0];
      int taken = 0;
      for (int i = 0; i < 20_000; i++) {
        int bytes = 20 + random.nextInt(random.nextBoolean() ? 100 : MAX_BYTES - 20);
        if (random.nextInt(3) > 0) {
          added += add(held, flow, added, bytes) ? 1 : 0;
        } else {
          assertThat(held.flush(flow.session, out)).isZero();
          if (Syscalls.bytesWaiting(flow.far.fd()) > 0) {
            take(flow, taken++);
          }
        }
        long waiting = added - flow.taken[0] - flow.session.packets().out();
        assertThat(held.count(flow.session)).isEqualTo((int) waiting);
      }
      assertThat(taken).isGreaterThan(5_000);
    }
  }

  @Test
  void whoTakesNothingGivesWayToWhoDoes() {
    try (HeldPackets held = HeldPackets.open(2, 2, QUEUE_BYTES)) {
      Full never = full();
      Full reader = full();
      Full third = full();
      assertThat(add(held, never, 0, 100)).isTrue();
      assertThat(add(held, never, 1, 100)).isTrue();
      assertThat(add(held, reader, reader.taken[0], 100)).isTrue();
      assertThat(add(held, reader, reader.taken[0] + 1, MAX_BYTES)).isTrue();
      assertThat(add(held, reader, reader.taken[0] + 2, MAX_BYTES)).isTrue();
      assertThat(add(held, third, 0, 100)).isFalse();
      held.now(HeldPackets.STANDING_NANOS);
      take(reader, 0);
      held.flush(reader.session, out);
      assertThat(reader.session.queue).isNotEqualTo(HeldPackets.NONE);
      assertThat(add(held, third, third.taken[0], 100)).isTrue();
      assertThat(never.session.queue).isEqualTo(HeldPackets.NONE);
      assertThat(never.session.packets().dropped()).containsEntry("flow-full", 2L);
      // It takes nobody's place before it has taken something.
      held.now(3 * HeldPackets.STANDING_NANOS);
      assertThat(add(held, never, never.taken[0], 100)).isFalse();
      take(never, 0);
      assertThat(never.session.port.send(outbox(never.taken[0], 100))).isEqualTo(1);
      never.session.took(1);
      assertThat(add(held, never, never.taken[0] + 1, 100)).isTrue();
      assertThat(third.session.packets().dropped()).containsEntry("flow-full", 1L);
      assertThat(reader.session.packets().dropped()).isEmpty();
    }
  }

  @Test
  void thoseOfAnOlderProcessAreWhatItKnowsUntilItIsGone() {
    try (HeldPackets old = HeldPackets.open(1, 2, 256 << 10);
        HeldPackets held = HeldPackets.adopt(old.descriptor().duplicate())) {
      Full flow = full();
      int next = flow.taken[0];
      while (add(old, flow, next, MAX_BYTES)) {
        next++;
      }
      held.rebuild(List.of(flow.session));
      assertThat(held.count(flow.session)).isEqualTo(next - flow.taken[0]).isEqualTo(4);
      for (int i = 0; i < 2; i++) {
        take(flow, i);
        held.flush(flow.session, out);
      }
      assertThat(add(held, flow, next, MAX_BYTES)).isFalse();
      held.convert();
      assertThat(add(held, flow, next, MAX_BYTES)).isTrue();
      for (int i = 2; i <= next; i++) {
        take(flow, i);
        held.flush(flow.session, out);
      }
      assertThat(flow.session.queue).isEqualTo(HeldPackets.NONE);
    }
  }

  @Test
  void whatIsNoneIsRefusedAndClosed() {
    try (StateTable other = StateTable.open("other", SessionLedger.layout(1))) {
      assertThatThrownBy(() -> HeldPackets.adopt(other.descriptor().duplicate()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}

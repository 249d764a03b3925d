package dev.oxbow.fish.partner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.partner.PartnerLink.Kind;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Everything that a link to a partner promises, whatever it is made of. */
@DescriptorLeaks
public abstract class PartnerLinkContract {

  /** Two ends that can be parted. */
  public interface Pair extends AutoCloseable {
    PartnerLink one();

    PartnerLink other();

    /** Nothing gets through any more, in either direction. */
    void cut();

    /** Ends that. */
    void heal();

    /** The other end is there no more. */
    void leave();

    @Override
    void close();
  }

  /** A link, which may not be up yet. */
  protected abstract Pair open();

  /** Notes what it hears. */
  private static final class Ear implements PartnerLink.Listener {
    final List<Integer> heard = new CopyOnWriteArrayList<>();
    final AtomicInteger ups = new AtomicInteger();
    final AtomicInteger downs = new AtomicInteger();
    final AtomicInteger gone = new AtomicInteger();
    volatile boolean goneWhileUp;
    volatile boolean isUp;
    volatile boolean whileDown;
    private int calls;

    @Override
    public void up() {
      begin();
      ups.incrementAndGet();
      isUp = true;
      end();
    }

    @Override
    public void down() {
      begin();
      downs.incrementAndGet();
      isUp = false;
      end();
    }

    @Override
    public void gone() {
      begin();
      goneWhileUp |= isUp;
      gone.incrementAndGet();
      end();
    }

    @Override
    public void received(byte[] bytes) {
      begin();
      whileDown |= !isUp;
      heard.add(ByteBuffer.wrap(bytes).getInt());
      end();
    }

    private synchronized void begin() {
      assertThat(calls++).as("calls at once").isZero();
    }

    private synchronized void end() {
      calls--;
    }
  }

  private static Ear listen(PartnerLink link, Kind kind) {
    Ear ear = new Ear();
    link.listen(kind, ear);
    return ear;
  }

  private static byte[] message(int number, int bytes) {
    return ByteBuffer.allocate(bytes).putInt(0, number).array();
  }

  private static void awaitUp(Ear... ears) {
    for (Ear ear : ears) {
      Await.until("the link is up", () -> ear.isUp);
    }
  }

  private static void send(PartnerLink link, Kind kind, byte[] bytes) {
    while (!link.send(kind, bytes)) {
      assertThat(link.isUp()).isTrue();
      LockSupport.parkNanos(100_000);
    }
  }

  @Test
  void messagesArriveOnceAndInOrderBothWays() {
    try (Pair pair = open()) {
      Ear loans = listen(pair.one(), Kind.LOANS);
      Ear flows = listen(pair.other(), Kind.FLOWS);
      Ear others = listen(pair.other(), Kind.LOANS);
      awaitUp(loans, flows, others);
      int count = 2_000;
      for (int i = 0; i < count; i++) {
        send(pair.other(), Kind.LOANS, message(i, 4 + i % 50));
        send(pair.one(), i % 2 == 0 ? Kind.FLOWS : Kind.LOANS, message(i, 4 + i % 500));
      }
      send(pair.one(), Kind.FLOWS, message(-1, PartnerLink.MAX_BYTES));
      Await.until("all is there", () -> loans.heard.size() == count && flows.heard.contains(-1));
      for (int i = 0; i < count; i++) {
        assertThat(loans.heard.get(i)).isEqualTo(i);
        assertThat((i % 2 == 0 ? flows : others).heard.get(i / 2)).isEqualTo(i);
      }
      assertThat(loans.ups.get() + flows.ups.get() + others.ups.get()).isEqualTo(3);
      assertThat(pair.one().lagNanos()).isBetween(0L, 5_000_000_000L);
    }
  }

  @Test
  void bothEndsHearWhenMessagesMayBeLostAndWhenTheyGetThroughAgain() {
    try (Pair pair = open()) {
      Ear one = listen(pair.one(), Kind.FLOWS);
      Ear other = listen(pair.other(), Kind.FLOWS);
      awaitUp(one, other);
      pair.cut();
      int sent = 0;
      // As long as this end does not know.
      while (one.isUp || other.isUp) {
        pair.one().send(Kind.FLOWS, message(sent++, 64));
        LockSupport.parkNanos(2_000_000);
      }
      Await.until("it is known", () -> !pair.one().isUp() && !pair.other().isUp());
      assertThat(pair.one().send(Kind.FLOWS, message(sent, 64))).isFalse();
      assertThat(pair.one().lagNanos()).isZero();
      pair.heal();
      awaitUp(one, other);
      send(pair.one(), Kind.FLOWS, message(1_000_000, 64));
      Await.until("messages get through", () -> other.heard.contains(1_000_000));
      assertThat(other.heard).isSorted().doesNotHaveDuplicates();
      assertThat(other.whileDown).isFalse();
      assertThat(List.of(one.ups.get(), one.downs.get())).containsExactly(2, 1);
      assertThat(List.of(other.ups.get(), other.downs.get())).containsExactly(2, 1);
    }
  }

  @Test
  void whoeverLeavesIsGoneOnceAndWhoIsCutOffIsNot() {
    try (Pair pair = open()) {
      Ear one = listen(pair.one(), Kind.FLOWS);
      Ear other = listen(pair.other(), Kind.FLOWS);
      awaitUp(one, other);
      pair.cut();
      Await.until("it is known", () -> !one.isUp && !other.isUp);
      assertThat(one.gone.get()).isZero();
      pair.heal();
      awaitUp(one, other);
      pair.leave();
      Await.until("the other is gone", () -> one.gone.get() == 1);
      assertThat(one.goneWhileUp).isFalse();
      assertThat(one.downs.get()).isEqualTo(2);
    }
  }

  @Test
  void whatCannotBeIsRefused() {
    try (Pair pair = open()) {
      listen(pair.one(), Kind.LOANS);
      assertThatThrownBy(() -> listen(pair.one(), Kind.LOANS)).hasMessage("LOANS has a listener");
      assertThatThrownBy(() -> pair.one().send(Kind.LOANS, new byte[PartnerLink.MAX_BYTES + 1]))
          .hasMessage("a message of 262145 bytes");
      assertThatThrownBy(() -> Kind.of(7)).hasMessage("a message of kind 7");
      assertThat(Kind.of(2)).isEqualTo(Kind.FLOWS);
    }
  }
}

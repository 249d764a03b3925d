package dev.oxbow.pair.hazelcast;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fish.partner.PartnerLinkContract;
import dev.oxbow.pair.link.TestWires;
import dev.oxbow.pair.link.Wire;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** So does the link over a real cluster, whose members all cases share: a start takes seconds. */
class HazelcastLinkTest extends PartnerLinkContract {
  private static final Member ONE = new Member();
  private static final Member OTHER = new Member();
  private static volatile boolean cut;

  /** A member that outlives links. */
  private static final class Member implements Wire {
    private Wire wire;
    private volatile Consumer<byte[]> receiver;

    void start(PairOptions options) {
      wire =
          HazelcastWire.opener(options)
              .open(
                  bytes -> {
                    Consumer<byte[]> to = receiver;
                    if (to != null && !cut) {
                      to.accept(bytes);
                    }
                  },
                  () -> {});
    }

    Wire open(Consumer<byte[]> to, Runnable left) {
      receiver = to;
      return this;
    }

    @Override
    public void send(byte[] frame) {
      if (!cut) {
        wire.send(frame);
      }
    }

    @Override
    public void close() {
      receiver = null;
    }
  }

  private static PairOptions options(String name, String home, int port, int peer) {
    return options(name, home, "127.0.0.1:", port, peer);
  }

  private static PairOptions options(String name, String home, String host, int port, int peer) {
    return new PairOptions(name, home, host + port, List.of(host + peer));
  }

  @BeforeAll
  static void join() {
    ONE.start(options("edge-1", "first", 15_701, 15_702));
    OTHER.start(options("edge-2", "second", 15_702, 15_701));
  }

  @AfterAll
  static void leave() {
    ONE.wire.close();
    OTHER.wire.close();
  }

  @Override
  protected Pair open() {
    cut = false;
    return TestWires.pair(ONE::open, OTHER::open, now -> cut = now);
  }

  @Test
  void membersFindOneAnotherByIpv6Too() {
    AtomicInteger heard = new AtomicInteger();
    try (Wire one =
            HazelcastWire.opener(options("edge-1", "first", "[::1]:", 15_703, 15_704))
                .open(bytes -> {}, () -> {});
        Wire other =
            HazelcastWire.opener(options("edge-2", "second", "[::1]:", 15_704, 15_703))
                .open(bytes -> heard.addAndGet(bytes.length), () -> {})) {
      Await.until(
          "it is heard",
          () -> {
            one.send(new byte[1]);
            return heard.get() > 0;
          });
      other.send(new byte[1]);
    }
  }

  @Test
  void portThatIsTakenIsToldAtOnce() {
    assertThatThrownBy(
            () ->
                HazelcastWire.opener(options("edge-3", "first", 15_701, 15_702))
                    .open(bytes -> {}, () -> {}))
        .hasMessageStartingWith("fish.pair.listen 127.0.0.1:15701: Address already in use");
  }
}

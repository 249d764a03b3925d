package dev.oxbow.app.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.demo.client.Event;
import dev.oxbow.app.demo.client.Event.Kind;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the demo of a pair holds for a success, and what it does not. */
@DescriptorLeaks
class PairOutcomeTest {
  private static final Set<String> SOURCES = Set.of("192.0.2.7:20000", "192.0.2.7:20001");

  private boolean waited = true;
  private int underWay = 2;
  private int resumed = 2;
  private Set<String> before = SOURCES;
  private Set<String> after = SOURCES;
  private List<Long> stallsMs = List.of(700L, 300L);
  private List<Long> bytesAfter = List.of(1000L, 100L);
  private Event download = end(Kind.DONE, 1, 0, "right");
  private Event chat = end(Kind.DONE, 1, 300, "-");
  private boolean stopped = true;

  private static Event end(Kind kind, int connections, int answers, String sha256) {
    return new Event(kind, "it", 10, 1000, connections, 4000, answers, sha256, "");
  }

  /** Names of what did not hold. */
  private List<String> broken() {
    List<WebFile> files =
        List.of(new WebFile("a", 1, 1000, "right"), new WebFile("b", 2, 64, "other"));
    PairOutcome outcome =
        new PairOutcome(
            4000,
            waited,
            files,
            List.of(download, chat),
            underWay,
            resumed,
            before,
            after,
            List.of(5L, 10L),
            stallsMs,
            bytesAfter,
            stopped);
    return outcome.proofs().stream().filter(proof -> !proof.held()).map(Proof::name).toList();
  }

  @Test
  void allHoldsWhenBothGoOnFromWhereTheyWere() {
    assertThat(broken()).isEmpty();
  }

  @Test
  void sessionThatBothNodesHadIsNoPair() {
    waited = false;
    assertThat(broken()).containsExactly("pair");
  }

  @Test
  void connectionThatWasNotTakenOverIsNoSurvivor() {
    resumed = 1;
    assertThat(broken()).containsExactly("survival");
    resumed = 2;
    underWay = 1;
    assertThat(broken()).containsExactly("survival");
  }

  @Test
  void otherPortOrAddressIsNoSurvival() {
    after = Set.of("192.0.2.7:20000", "192.0.2.7:20002");
    assertThat(broken()).containsExactly("survival");
    after = Set.of("198.51.101.1:20000", "192.0.2.7:20001");
    before = after;
    assertThat(broken()).containsExactly("survival");
  }

  @Test
  void clientThatHadToConnectAgainIsNoSurvivor() {
    chat = end(Kind.DONE, 2, 300, "-");
    assertThat(broken()).containsExactly("survival");
  }

  @Test
  void stallThatDoesNotEndOrWasNotSeenIsNone() {
    stallsMs = List.of(700L, PairOutcome.STALL_MS + 1);
    assertThat(broken()).containsExactly("stall");
    stallsMs = List.of(700L, 0L);
    assertThat(broken()).containsExactly("stall");
    stallsMs = List.of(700L, 300L);
    bytesAfter = List.of(1000L, 0L);
    assertThat(broken()).containsExactly("stall");
  }

  @Test
  void wrongOrMissingBytesAreSeen() {
    download = end(Kind.DONE, 1, 0, "wrong");
    assertThat(broken()).containsExactly("bytes");
    download = end(Kind.FAILED, 1, 0, "-");
    assertThat(broken()).containsExactly("bytes");
  }

  @Test
  void nodeThatDoesNotStopInOrderIsSeen() {
    stopped = false;
    assertThat(broken()).containsExactly("orderly-stop");
  }
}

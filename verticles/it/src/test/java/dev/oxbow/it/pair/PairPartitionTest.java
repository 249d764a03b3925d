package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two nodes that share two addresses, an internet that sees which of them used which five-tuple,
 * and a link between the two that is cut while both want all ports.
 */
@DescriptorLeaks
@RequiresRoot
@Timeout(120)
class PairPartitionTest {
  private static final int OWN = 512;

  /** Ports that the other lends at most. */
  private static final int LENT = 384;

  private static final int OTHER_OWN = 128;
  private static final int SERVER = 0xc633_6409;
  private static final int PORT = 9_999;
  private static final int QUARANTINE_MS = 1_000;
  private static final String TIMES = ", loanMs: 3000, quarantineMs: " + QUARANTINE_MS;

  @TempDir Path folder;

  @Test
  void noFiveTupleIsUsedByBothWhileTheLinkIsCutAndLoansGoOnWhenItIsBack() throws Exception {
    try (PairWorld world = new PairWorld(folder).start(TIMES);
        Sightings server = new Sightings(world.internet, PairWorld.SERVER, PORT)) {
      play(world, server);
      world.assertNoTrouble();
    }
  }

  private static void play(PairWorld world, Sightings server) {
    Edge one = world.one;
    Edge two = world.two;
    world.until(
        "what was lent before is known",
        () -> {},
        () -> one.blocks("unknown") == 0 && two.blocks("unknown") == 0);
    Descriptor busy = one.session(PairWorld.BUSY, PairWorld.BUSY_PORTS);
    Descriptor slow = two.session(PairWorld.BUSY, PairWorld.BUSY_PORTS);
    world.until(
        "who is short is lent more, but not the last quarter",
        () -> one.send(busy, 2 * OWN, SERVER, PORT),
        () -> server.ports("edge-1", PairWorld.BUSY) == OWN + LENT);
    assertThat(one.blocks("borrowed")).isEqualTo(LENT / 64);
    assertThat(two.blocks("lent")).isEqualTo(LENT / 64);

    world.cut();
    world.until(
        "each holds the other for lost, and the home has taken all back and uses it",
        () -> {
          one.send(busy, 2 * OWN, SERVER, PORT);
          two.send(slow, 2 * OWN, SERVER, PORT);
        },
        () ->
            server.ports("edge-2", PairWorld.BUSY) == OWN
                && one.partner().equals("lost")
                && two.partner().equals("lost"));
    assertThat(server.inCommon(TimeUnit.MILLISECONDS.toNanos(QUARANTINE_MS))).isEmpty();
    assertThat(server.ports("edge-1", PairWorld.BUSY)).isEqualTo(OWN + LENT);
    assertThat(server.inTurn()).isEqualTo(LENT);
    assertThat(one.blocks("borrowed")).isZero();
    assertThat(one.pair().getBoolean("connected")).isFalse();

    world.heal();
    Descriptor another = one.session(PairWorld.OTHER, PairWorld.OTHER_PORTS);
    world.until(
        "loans go on",
        () -> one.send(another, OTHER_OWN + 10, SERVER, PORT),
        () -> server.ports("edge-1", PairWorld.OTHER) == OTHER_OWN + 10);
    world.awaitPresent(one, two);
    assertThat(one.pair().getBoolean("connected")).isTrue();
    assertThat(one.pair().getString("partner")).isEqualTo("edge-2");
    assertThat(two.pair().getString("partner")).isEqualTo("edge-1");
    assertThat(server.inCommon(TimeUnit.MILLISECONDS.toNanos(QUARANTINE_MS))).isEmpty();
  }
}

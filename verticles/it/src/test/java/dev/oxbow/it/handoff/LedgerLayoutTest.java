package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process takes over state in an older layout, and none in a newer one. */
@DescriptorLeaks
@Timeout(90)
class LedgerLayoutTest {
  private static final String OLD = "OXBOW_LEDGER_LAYOUT";

  @TempDir Path folder;

  @Test
  void olderLayoutIsTakenOverAndConvertedAndNoNewerOne() throws Exception {
    try (RunningOxbow service = RunningOxbow.in(folder).environment(OLD, "1").start();
        ControlPeer control = service.control().hello("ramp", false);
        RampLoad load =
            new RampLoad().busy(control, 9).halfClosed(control, 2).slow(control, 2).start()) {
      // Layout 1 to 1, then to 2, after one upgrade to 2 that is rolled back.
      service.next("exec " + service.successor());
      service.upgradeInOrder();
      load.awaitProgress();
      long old = service.pid();
      service.next("exec env -u " + OLD + " " + service.successor("successor:switch:33:die"));
      assertThat(service.upgrade().getString("outcome")).isEqualTo("rolled-back");
      service.awaitAlone(old);
      load.awaitProgress();
      service.next("exec env -u " + OLD + " " + service.successor());
      service.upgradeInOrder();
      load.awaitProgress();
      // The state is in layout 2 now.
      service.next("exec env " + OLD + "=1 " + service.successor());
      long converted = service.pid();
      JsonObject refused = service.upgrade();
      assertThat(refused.getString("reason"))
          .matches(
              "hello: the state of splicer is in layout 2 of version \\S+, and version \\S+ reads 1"
                  + " to 1");
      service.awaitAlone(converted);
      service.next("exec " + service.successor());
      service.upgradeInOrder();
      load.drain();
      assertThat(control.stats().getInteger("relays")).isEqualTo(13);
    }
  }
}

package dev.oxbow.service.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class ReportsTest {
  private final List<String> discarded = new ArrayList<>();
  private final Reports<String> reports = new Reports<>(report -> report, discarded::add);

  @Test
  void whoeverWaitsAfterTheEndIsToldAtOnce() {
    IllegalStateException why = new IllegalStateException("closed");
    Future<String> before = reports.await("a");
    Future<Void> patient = reports.whenAllDelivered();
    reports.fail(why);
    assertThat(before.cause()).isSameAs(why);
    assertThat(patient.succeeded()).isTrue();
    assertThat(reports.await("b").cause()).isSameAs(why);
    assertThat(reports.whenAllDelivered().succeeded()).isTrue();
  }

  @Test
  void reportsThatNobodyWantsAreClosedAtTheEndAndAfterIt() {
    reports.deliver("early");
    assertThat(discarded).isEmpty();
    reports.fail(new IllegalStateException("closed"));
    assertThat(discarded).containsExactly("early");
    reports.deliver("late");
    assertThat(discarded).containsExactly("early", "late");
    List<String> handled = new ArrayList<>();
    reports.unclaimedHandler(handled::add);
    assertThat(handled).isEmpty();
  }
}

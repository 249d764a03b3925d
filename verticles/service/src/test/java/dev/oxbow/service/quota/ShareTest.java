package dev.oxbow.service.quota;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
final class ShareTest {
  private final EpollVertx vertx = EpollVertx.open();
  private final DescriptorLoop loop = DescriptorLoop.of(vertx.context());
  private final List<String> done = Collections.synchronizedList(new ArrayList<>());

  @AfterEach
  void close() {
    vertx.close();
  }

  @Test
  void isUsedUpUntilTheNextTurn() {
    Share share = new Share(loop);
    vertx.run(
        () -> {
          assertThat(share.spent()).isFalse();
          share.used(Share.TURN_NANOS - 1);
          assertThat(share.usedUp()).isFalse();
          share.used(1);
          assertThat(share.usedUp()).isTrue();
          assertThat(share.spent()).isTrue();
        });
    Await.until("the next turn comes", () -> !vertx.call(share::spent));
  }

  @Test
  void whoWaitsComesFirst() {
    Share share = new Share(loop);
    vertx.run(
        () -> {
          share.whenFree(() -> done.add("x"));
          assertThat(share.usedUp()).isFalse();
          assertThat(share.spent()).isTrue();
        });
    Await.until("it was done", () -> done.contains("x"));
    assertThat(vertx.call(share::spent)).isFalse();
  }

  @Test
  void takesTurnsWithAnother() {
    Share one = new Share(loop);
    Share two = new Share(loop);
    vertx.run(
        () -> {
          for (int i = 0; i < 3; i++) {
            String turn = String.valueOf(i);
            one.whenFree(() -> use(one, "a" + turn));
            one.whenFree(() -> use(one, "b" + turn));
          }
          two.whenFree(() -> use(two, "c"));
        });
    Await.until("all is done", () -> done.size() == 7);
    // A turn ends with the task that uses up its time; what is over waits behind the other uid.
    assertThat(done).startsWith("a0", "b0", "c").endsWith("a1", "b1", "a2", "b2");
  }

  private void use(Share share, String name) {
    done.add(name);
    share.used(Share.TURN_NANOS / 2);
  }
}

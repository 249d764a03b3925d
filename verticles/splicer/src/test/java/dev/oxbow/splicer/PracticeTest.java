package dev.oxbow.splicer;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.testing.PracticeContract;
import dev.oxbow.service.testing.PracticeFault;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Vertx;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** That of Splicer. */
class PracticeTest extends PracticeContract {
  private static final int RELAYS = 70;

  @Override
  protected void practise(Vertx vertx, Duration cpu, Duration wall) {
    SplicerVerticle.practise(vertx, cpu, wall);
  }

  @Override
  protected ServicePractice practice(Vertx vertx, PracticeFault fault) {
    return new Practice(vertx, RELAYS) {
      @Override
      protected void exchange() {
        fault.exchanging();
        super.exchange();
      }

      @Override
      protected ServiceVerticle heirOf(Cargo cargo) {
        return super.heirOf(fault.given(cargo));
      }
    };
  }

  @Test
  void leavesNoThread() {
    try (EpollVertx loop = EpollVertx.open()) {
      practise(loop.vertx(), Duration.ZERO, Duration.ZERO);

      Await.until("no thread of a plane runs", () -> watchdogs() == 0);
    }
  }

  private static long watchdogs() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("oxbow-watchdog"))
        .count();
  }
}

package dev.oxbow.bumblebee;

import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.testing.PracticeContract;
import dev.oxbow.service.testing.PracticeFault;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Vertx;
import java.time.Duration;

/** That of Bumblebee. */
@RequiresRoot
class PracticeTest extends PracticeContract {

  @Override
  protected void practise(Vertx vertx, Duration cpu, Duration wall) {
    BumblebeeVerticle.practise(vertx, cpu, wall);
  }

  @Override
  protected ServicePractice practice(Vertx vertx, PracticeFault fault) {
    return new Practice(vertx) {
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
}

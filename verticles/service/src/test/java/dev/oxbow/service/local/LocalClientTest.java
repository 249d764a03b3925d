package dev.oxbow.service.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.service.client.Reports;
import io.vertx.core.Context;
import io.vertx.core.Deployable;
import io.vertx.core.Future;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class LocalClientTest {

  /** Starts, and cannot stop. */
  private static final class Stubborn implements Deployable {
    @Override
    public Future<?> deploy(Context context) {
      return Future.succeededFuture();
    }

    @Override
    public Future<?> undeploy(Context context) {
      return Future.failedFuture("stubborn");
    }
  }

  @Test
  void serviceThatCannotStopKeepsNobodyWaiting() {
    try (EpollVertx vertx = EpollVertx.open()) {
      Reports<String> reports = new Reports<>(report -> report, report -> {});
      String address = LocalClient.newAddress("stubborn");
      LocalClient client =
          EpollVertx.await(LocalClient.deploy(vertx.vertx(), address, new Stubborn(), event -> {}));
      Future<String> awaited = reports.await("a");
      IllegalStateException why = new IllegalStateException("closed");
      Future<Void> closed = client.close(reports, why);
      assertThat(EpollVertx.await(closed.transform(Future::succeededFuture)).cause())
          .hasMessage("stubborn");
      assertThat(awaited.cause()).isSameAs(why);
    }
  }
}

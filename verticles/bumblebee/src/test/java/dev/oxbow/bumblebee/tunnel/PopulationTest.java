package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is done when the kernel does not tell which connections end. */
@RequiresRoot
@DescriptorLeaks
class PopulationTest {
  private static final long PERIOD_NANOS = 20_000_000;

  private final AtomicInteger asked = new AtomicInteger();
  private EpollVertx vertx;
  private DescriptorLoop loop;
  private SharedMemory memory;
  private Environment environment;
  private TunnelLoop tunnels;

  @BeforeEach
  void make() {
    vertx = EpollVertx.open();
    loop = DescriptorLoop.of(vertx.context());
    memory = SharedMemory.open(PlaneOptions.DEFAULT);
    environment = Environment.open(memory.ledger().records());
    tunnels = new TunnelLoop(loop, new TunnelLoop.Limits(1, 1), memory, (tunnel, places) -> {});
  }

  @AfterEach
  void close() throws InterruptedException {
    CountDownLatch closed = new CountDownLatch(1);
    environment.close(closed::countDown);
    closed.await();
    memory.close();
    vertx.close();
  }

  /** One whose first attempts to hear of events fail. */
  private Population population(int failures) {
    Callable<NetlinkSocket> opener =
        () -> {
          if (asked.incrementAndGet() <= failures) {
            throw new LinuxException("socket", Errno.ENFILE);
          }
          return Census.events();
        };
    return new Population(
        loop, environment, memory.ledger(), group -> tunnels, slot -> false, opener, PERIOD_NANOS);
  }

  @Test
  void servicesThatHaveTunnelsGoOnAndAskAgain() {
    Population population = population(2);
    EpollVertx.await(vertx.call(() -> population.start(true)));
    Await.until("it asks until it is told", () -> asked.get() == 3);
    long before = vertx.call(population::censuses);
    Await.until("censuses go on", () -> vertx.call(population::censuses) > before + 1);
    assertThat(asked).hasValue(3);
    EpollVertx.await(vertx.call(population::stop));
  }

  @Test
  void serviceThatBeginsIsRefusedAndMayBeginAgain() {
    Population population = population(1);
    assertThatThrownBy(() -> EpollVertx.await(vertx.call(() -> population.start(false))))
        .hasMessageContaining("ENFILE");
    assertThat(vertx.call(population::censuses)).isZero();
    EpollVertx.await(vertx.call(() -> population.start(false)));
    assertThat(asked).hasValue(2);
    EpollVertx.await(vertx.call(population::stop));
  }
}

package dev.oxbow.service.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePractice;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A process practises hand-overs of a service and is as before, descriptors included. */
@DescriptorLeaks
public abstract class PracticeContract {

  /** A service starts in that; a step alone may take ten seconds. */
  private static final Duration AT_ONCE = Duration.ofSeconds(6);

  private static final Path THREADS = Path.of("/proc/self/task");

  /** Of what other tests have left behind: threads of the JVM that wait for processes. */
  private Set<Path> before = Set.of();

  /** As a process that is about to take over does it. */
  protected abstract void practise(Vertx vertx, Duration cpu, Duration wall);

  /** The same practice, in which something goes wrong. */
  protected abstract ServicePractice practice(Vertx vertx, PracticeFault fault);

  @BeforeEach
  void lookBefore() {
    before = namespaces();
  }

  @Test
  void leavesNoVerticleNoNamespaceAndNoDescriptor() {
    try (EpollVertx loop = EpollVertx.open()) {
      practise(loop.vertx(), Duration.ofMillis(200), Duration.ofSeconds(5));

      requireNothingLeft(loop.vertx());
    }
  }

  @Test
  void givesAllBackAtOnceWhenTheWorkStandsStillBeforeAHandOver() {
    fails(new StandsStill(1));
  }

  @Test
  void givesAllBackAtOnceWhenTheHeirDoesNotWork() {
    fails(new StandsStill(2));
  }

  /** Carries nothing from the n-th exchange on. */
  private static final class StandsStill implements PracticeFault {
    private int left;

    StandsStill(int exchange) {
      left = exchange;
    }

    @Override
    public void exchanging() {
      if (--left == 0) {
        throw new IllegalStateException("a riddle: nothing comes out");
      }
    }
  }

  @Test
  void givesAllBackAtOnceWhenTheHeirDoesNotStart() {
    fails(
        new PracticeFault() {
          @Override
          public Cargo given(Cargo cargo) {
            return cargo.document("riddle", new byte[0]);
          }
        });
  }

  private void fails(PracticeFault fault) {
    try (EpollVertx loop = EpollVertx.open()) {
      long began = System.nanoTime();
      assertThatThrownBy(
              () -> {
                try (ServicePractice practice = practice(loop.vertx(), fault)) {
                  practice.run(Duration.ZERO, Duration.ZERO);
                }
              })
          .hasMessageContaining("riddle")
          .hasNoSuppressedExceptions();
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(AT_ONCE);
      requireNothingLeft(loop.vertx());
    }
  }

  private void requireNothingLeft(Vertx vertx) {
    assertThat(vertx.deploymentIDs()).isEmpty();
    Await.until(
        "no thread is in another network namespace than before",
        () -> before.containsAll(namespaces()));
  }

  /** Those that threads are in. One lives as long as that, or as there are descriptors of it. */
  private static Set<Path> namespaces() {
    try (var threads = Files.list(THREADS)) {
      Set<Path> namespaces = new HashSet<>();
      for (Path thread : threads.toList()) {
        try {
          namespaces.add(Files.readSymbolicLink(thread.resolve("ns/net")));
        } catch (FileSystemException e) {
          // Of one that ends: its namespaces go first; then ESRCH, which has no exception.
          if (!(e instanceof NoSuchFileException) && Files.exists(thread)) {
            throw e;
          }
        }
      }
      return namespaces;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

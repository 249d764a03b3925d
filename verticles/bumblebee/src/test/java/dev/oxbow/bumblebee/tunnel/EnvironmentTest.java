package dev.oxbow.bumblebee.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.handoff.cargo.Cargo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a plane stands on, when it cannot be made. */
@RequiresRoot
@DescriptorLeaks
class EnvironmentTest {
  private static final int MTU = 1500;
  private static final int PATIENCE_SECONDS = 20;

  /** include/uapi/linux/if_tun.h. */
  private static final long TUNSETPERSIST = 0x400454cbL;

  private static <T> T inside(Environment environment, Callable<T> task) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    environment.submit(
        task,
        (made, failure) -> {
          if (failure != null) {
            result.completeExceptionally(failure);
          } else {
            result.complete(made);
          }
        });
    return result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** Its own address under another label, so that it cannot get it; it is there without us. */
  private static boolean spoil(byte[] address) {
    try (Tun tun = Tun.open("t0", true);
        Interfaces links = Interfaces.open()) {
      Syscalls.ioctl(tun.descriptor().fd(), TUNSETPERSIST, 1);
      // As the kernel first takes an address of a device without broadcasts.
      links.address4("t0:0", address, 32);
      return true;
    }
  }

  @Test
  void deviceThatIsHalfMadeIsMadeAgain() throws Exception {
    Environment environment = Environment.open(1);
    byte[] own = Pool.bytes(4, Pool.high(4), Pool.device(4, 0));
    inside(environment, () -> spoil(own));
    assertThatThrownBy(() -> inside(environment, () -> environment.open(0, MTU)))
        .hasCauseInstanceOf(LinuxException.class)
        .hasMessageContaining("EEXIST");
    assertThat(environment.device(0)).isNull();
    inside(environment, () -> spoil(new byte[] {(byte) 172, 16, 0, 1}));
    inside(environment, () -> environment.open(0, MTU));
    assertThat(environment.device(0)).isNotNull();
    close(environment);
  }

  @Test
  void congestionControlIsThatOfWhereTheServiceRuns() throws Exception {
    Path setting = Path.of("/proc/sys/net/ipv4/tcp_congestion_control");
    try (Namespace service = Namespace.open()) {
      Environment environment =
          service.call(
              () -> {
                Files.writeString(setting, "reno");
                return Environment.open(1);
              });
      assertThat(inside(environment, () -> Files.readString(setting)).strip()).isEqualTo("reno");
      close(environment);
    }
  }

  private static void close(Environment environment) throws Exception {
    CompletableFuture<Void> closed = new CompletableFuture<>();
    environment.close(() -> closed.complete(null));
    closed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void planeThatIsTooLargeFailsToStart() {
    try (EpollVertx vertx = EpollVertx.open()) {
      DescriptorLoop loop = DescriptorLoop.of(vertx.context());
      int most = BumblebeeOptions.MOST_GROUP_CONNECTIONS;
      new Connections(most).close();
      PlaneOptions options = new PlaneOptions(64, most + 1, 16, 16);
      assertThatThrownBy(
              () ->
                  EpollVertx.await(
                      vertx.call(() -> KernelPlane.open(loop, List.of(loop), options))))
          .isInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void whatIsInheritedIsClosedWhenItDoesNotFit() {
    try (EpollVertx vertx = EpollVertx.open()) {
      DescriptorLoop loop = DescriptorLoop.of(vertx.context());
      Descriptor[] listeners = new Descriptor[2];
      Cargo cargo = new Cargo();
      try (SharedMemory memory = SharedMemory.open(PlaneOptions.DEFAULT)) {
        Cargo lent = new Cargo();
        memory.lend(lent);
        lent.names().forEach(name -> cargo.give(name, lent.get(name).duplicate()));
      }
      // No namespace, so that what needs one fails; the rest is right.
      cargo.give("namespace", Descriptor.adopt(Syscalls.open("/etc/passwd", 0, 0)));
      for (int i = 0; i < 2; i++) {
        listeners[i] = Namespace.ofThread();
        cargo.give("listener/" + (4 + 2 * i), listeners[i]);
      }
      assertThatThrownBy(
              () ->
                  EpollVertx.await(
                      vertx.call(
                          () ->
                              KernelPlane.inherit(
                                  loop, List.of(loop), PlaneOptions.DEFAULT, cargo))))
          .isInstanceOf(LinuxException.class)
          .hasMessageContaining("setns: EINVAL");
      assertThat(cargo.names()).isEmpty();
      for (Descriptor listener : listeners) {
        assertThat(listener.isOpen()).isFalse();
      }
    }
  }

  @Test
  void roomForPacketsMustFitTheLedger() {
    try (HeldPackets held = new HeldPackets(1)) {
      Descriptor copy = held.descriptor().duplicate();
      assertThatThrownBy(() -> HeldPackets.adopt(copy, 2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("another shape");
      assertThat(copy.isOpen()).isFalse();
    }
  }
}

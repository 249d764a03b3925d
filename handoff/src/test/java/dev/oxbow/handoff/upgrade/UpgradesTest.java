package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may ask a process to let itself be replaced. */
@DescriptorLeaks
class UpgradesTest {
  @TempDir private Path directory;

  /** What must not be done is not done: whatever is called fails. */
  private static <T> T untouched(Class<T> type) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              throw new AssertionError(method + " was called");
            }));
  }

  private Plan plan() {
    return new Plan(
        "1.0",
        directory,
        List.of(),
        () -> {
          throw new AssertionError("nothing is to be handed over");
        },
        untouched(Plan.Launcher.class),
        uid -> false,
        UpgradeLimits.DEFAULT,
        untouched(Plan.Observer.class));
  }

  @Test
  void whoMayNotIsRefusedByName() throws Exception {
    try (Descriptor listener = UnixSockets.listen(directory.resolve(Plan.SOCKET), file -> {})) {
      Upgrades upgrades = new Upgrades(listener, plan());
      String refused = "uid " + Syscalls.effectiveUid() + " may not replace this process";
      byte[] answer = Upgrades.ask(directory.resolve(Plan.SOCKET), 5_000);
      assertThat(new String(answer, StandardCharsets.UTF_8)).contains(refused);
      try (Target target = Target.connect(directory.resolve(Plan.SOCKET), UpgradeLimits.DEFAULT)) {
        assertThatThrownBy(() -> target.receive("2.0", Map.of(), 1000, () -> {}))
            .isInstanceOfSatisfying(
                UpgradeException.class, e -> assertThat(e.stage()).isEqualTo(Stage.HELLO))
            .hasMessageContaining(refused);
      }
      upgrades.stop();
    }
  }

  /** Whatever comes with a first message is closed, and the next one is served. */
  @Test
  void strangeFirstMessagesLeaveNothingBehind() throws Exception {
    Path socket = directory.resolve(Plan.SOCKET);
    try (Descriptor listener = UnixSockets.listen(socket, file -> {})) {
      Upgrades upgrades = new Upgrades(listener, plan());
      for (String json : List.of("{\"fds\":[\"x\"]}", "{\"fds\":[]}", "no json")) {
        try (Descriptor peer = UnixSockets.connect(socket)) {
          byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
          assertThat(new PacketBuffer().send(peer.fd(), bytes, List.of(listener))).isTrue();
        }
      }
      assertThat(Upgrades.ask(socket, 5_000)).isNotEmpty();
      upgrades.stop();
    }
  }

  @Test
  void nobodyThereIsSaidWithThePath() {
    Path socket = directory.resolve(Plan.SOCKET);
    assertThatThrownBy(() -> Upgrades.ask(socket, 100))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(socket.toString());
    assertThatThrownBy(() -> Target.connect(socket, UpgradeLimits.DEFAULT))
        .isInstanceOf(UpgradeException.class)
        .hasMessageStartingWith("hello: nobody to take over from");
  }
}

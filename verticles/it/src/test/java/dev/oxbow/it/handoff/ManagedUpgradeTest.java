package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.service.testing.ControlPeer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a service manager is told of upgrades, and by whom. */
@DescriptorLeaks
@Timeout(60)
class ManagedUpgradeTest {

  /** Prints who sent each message, as the kernel says, and the message on one line. */
  private static final String MANAGER =
      """
      import socket, struct, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
      s.bind(sys.argv[1])
      print("listens", flush=True)
      while True:
          data, ancillary, _, _ = s.recvmsg(4096, 256)
          pid = struct.unpack("iii", ancillary[0][2])[0]
          print(pid, data.decode().replace("\\n", "|"), flush=True)
      """;

  /** Listens as systemd does, and becomes what follows. */
  private static final String ACTIVATE =
      """
      import os, socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
      s.bind(sys.argv[1])
      s.listen()
      os.dup2(s.fileno(), 100)
      os.dup2(100, 3, inheritable=True)
      os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="splicer")
      os.execvp(sys.argv[2], sys.argv[2:])
      """;

  @TempDir Path folder;

  @Test
  void managerIsToldOfAReloadAndOfTheNewMainProcessByTheRightOnes() throws Exception {
    Path socket = folder.resolve("notify");
    Process manager = manager(socket);
    try (BufferedReader told = manager.inputReader()) {
      assertThat(told.readLine()).isEqualTo("listens");
      try (RunningOxbow service =
          RunningOxbow.in(folder).environment("NOTIFY_SOCKET", socket.toString()).start()) {
        long first = service.pid();
        assertThat(told.readLine()).startsWith(first + " READY=1|STATUS=");
        service.upgradeInOrder();
        long second = service.pid();
        assertReloading(told.readLine(), first);
        assertThat(told.readLine()).isEqualTo(first + " MAINPID=" + second);
        assertThat(told.readLine()).startsWith(second + " READY=1|STATUS=");
        service.next("exit 3");
        assertThat(service.upgrade().getString("outcome")).isEqualTo("rolled-back");
        assertReloading(told.readLine(), second);
        assertThat(told.readLine())
            .startsWith(second + " READY=1|STATUS=serves on; the upgrade was rolled back: spawn: ");
        RunningOxbow.signal(second, "TERM");
        assertThat(told.readLine()).isEqualTo(second + " STOPPING=1|STATUS=stopping");
      }
    } finally {
      manager.destroyForcibly().onExit().join();
    }
  }

  private static Process manager(Path socket) throws IOException {
    return new ProcessBuilder("python3", "-c", MANAGER, socket.toString())
        .redirectErrorStream(true)
        .start();
  }

  /** An upgrade that waits a second where a fault says, and is told to stop then. */
  private RunningOxbow stopInTheMidst(Path socket, String predecessor, String successor)
      throws Exception {
    RunningOxbow service =
        RunningOxbow.in(folder)
            .deadlines("  deadlineMs: 20000\n  groupDeadlineMs: 2000\n")
            .environment("NOTIFY_SOCKET", socket.toString())
            .environment("OXBOW_FAULT", predecessor)
            .start();
    service.next(
        "exec " + (successor.isEmpty() ? service.successor() : service.successor(successor)));
    long first = service.pid();
    RunningOxbow.signal(first, "HUP");
    service.await("one waits", () -> service.log().contains("fault on demand: DELAY"));
    RunningOxbow.signal(first, "TERM");
    return service;
  }

  @Test
  void managerIsToldOfAStopInAnUpgradeAfterThatIsRolledBack() throws Exception {
    Path socket = folder.resolve("notify");
    Process manager = manager(socket);
    try (BufferedReader told = manager.inputReader()) {
      assertThat(told.readLine()).isEqualTo("listens");
      try (RunningOxbow service = stopInTheMidst(socket, "", "successor:warm:0:delay")) {
        long first = service.first().pid();
        assertThat(told.readLine()).startsWith(first + " READY=1|STATUS=");
        assertReloading(told.readLine(), first);
        String next = told.readLine();
        // That the reload is over may be said, and nothing else.
        if (next.startsWith(first + " READY=1|STATUS=serves on; the upgrade was rolled back")) {
          next = told.readLine();
        }
        assertThat(next).isEqualTo(first + " STOPPING=1|STATUS=stopping");
        String report = Files.readString(service.runtimeDir().resolve("handoff.json"));
        assertThat(report).contains("\"rolled-back\"");
        assertThat(service.first().awaitEnd()).isZero();
        assertThat(service.processes()).isEmpty();
      }
    } finally {
      manager.destroyForcibly().onExit().join();
    }
  }

  @Test
  void managerIsToldOfAStopAfterTheCommitByTheSuccessorAlone() throws Exception {
    Path socket = folder.resolve("notify");
    Process manager = manager(socket);
    try (BufferedReader told = manager.inputReader()) {
      assertThat(told.readLine()).isEqualTo("listens");
      try (RunningOxbow service = stopInTheMidst(socket, "predecessor:commit:1:delay", "")) {
        long first = service.first().pid();
        assertThat(told.readLine()).startsWith(first + " READY=1|STATUS=");
        assertReloading(told.readLine(), first);
        String second = told.readLine();
        assertThat(second).startsWith(first + " MAINPID=");
        long successor = Long.parseLong(second.replaceAll(".*=", ""));
        assertThat(told.readLine()).startsWith(successor + " READY=1|STATUS=");
        assertThat(told.readLine()).isEqualTo(successor + " STOPPING=1|STATUS=stopping");
        service.await("all have ended", () -> service.processes().isEmpty());
      }
    } finally {
      manager.destroyForcibly().onExit().join();
    }
  }

  private static void assertReloading(String message, long pid) {
    assertThat(message).matches(pid + " RELOADING=1\\|MONOTONIC_USEC=\\d+");
    long usec = Long.parseLong(message.replaceAll(".*=", ""));
    assertThat(usec).isBetween(1L, System.nanoTime() / 1000);
  }

  @Test
  void socketThatTheManagerHasOpenedSurvivesUpgrades() throws Exception {
    Path socket = folder.resolve("splicer.sock");
    try (RunningOxbow service =
        RunningOxbow.in(folder).prefix("python3", "-c", ACTIVATE, socket.toString()).start()) {
      service.upgradeInOrder();
      service.upgradeInOrder();
      assertThat(pidBehind(socket)).isEqualTo(service.pid());
      RunningOxbow.signal(service.pid(), "TERM");
      service.await("all have ended", () -> service.processes().isEmpty());
      assertThat(socket).exists();
    }
  }

  private static long pidBehind(Path socket) throws IOException {
    try (ControlPeer peer = ControlPeer.connect(socket)) {
      return peer.ask("{\"op\":\"hello\",\"id\":1,\"app\":\"app\"}").getLong("pid");
    }
  }
}

package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.ChildJvm;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.upgrade.Plan;
import dev.oxbow.handoff.upgrade.Upgrades;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The proxy that docs/embedding.md quotes is replaced by real processes of its own kind. */
@DescriptorLeaks
@Timeout(60)
class ReplaceableProxyTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

  @TempDir Path directory;
  private Process first;
  private ProcessHandle serving;

  @AfterEach
  void stop() {
    serving.destroyForcibly();
    first.destroyForcibly();
  }

  /** What starts the next process is a script that the test replaces. */
  private void next(String script) throws IOException {
    Path made = Files.writeString(directory.resolve("next.new"), "#!/bin/sh\n" + script + "\n");
    Files.setAttribute(made, "unix:mode", 0755);
    Files.move(made, directory.resolve("next"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }

  private JsonObject upgrade() throws IOException {
    byte[] report = Upgrades.ask(directory.resolve(Plan.SOCKET), 30_000);
    return new JsonObject(Buffer.buffer(report));
  }

  @Test
  void nextProcessGoesOnWithConnectionsAndListener() throws Exception {
    try (ServerSocket origin = new ServerSocket(0, 50, LOOPBACK)) {
      String[] arguments = {
        directory.toString(),
        String.valueOf(origin.getLocalPort()),
        directory.resolve("next").toString()
      };
      first = ChildJvm.start(List.of(), ReplaceableProcess.class, arguments);
      serving = first.toHandle();
      Await.until("it listens", () -> Files.exists(directory.resolve("port")));
      int port = Integer.parseInt(Files.readString(directory.resolve("port")));
      try (Socket client = new Socket(LOOPBACK, port);
          Socket server = origin.accept()) {
        exchange(client, server);

        next("exit 3");
        JsonObject failed = upgrade();
        assertThat(failed.getString("outcome")).isEqualTo("rolled-back");
        assertThat(failed.getString("reason")).contains("ended with status 3");
        exchange(client, server);

        next("exec " + commandOf(first));
        JsonObject report = upgrade();
        assertThat(report.getString("outcome")).as(report.toString()).isEqualTo("committed");
        assertThat(report.getJsonObject("services").getJsonObject("splicer").getInteger("relays"))
            .isEqualTo(1);
        serving = ProcessHandle.of(report.getJsonObject("to").getLong("pid")).orElseThrow();
        assertThat(first.waitFor()).isZero();
        exchange(client, server);
        try (Socket another = new Socket(LOOPBACK, port);
            Socket itsServer = origin.accept()) {
          exchange(another, itsServer);
        }
      }
    }
  }

  /** The words that a process was started with, for a shell. */
  private static String commandOf(Process process) throws IOException {
    String line = Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
    return "'" + line.substring(0, line.length() - 1).replace("\0", "' '") + "'";
  }

  private static void exchange(Socket client, Socket server) throws IOException {
    for (Socket[] way : new Socket[][] {{client, server}, {server, client}}) {
      way[1].setSoTimeout(10_000);
      way[0].getOutputStream().write(new byte[] {1, 2, 3});
      assertThat(way[1].getInputStream().readNBytes(3)).containsExactly(1, 2, 3);
    }
  }
}

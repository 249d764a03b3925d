package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.newsclub.net.unix.AFUNIXDatagramSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;

/** What a service manager sees of {@code oxbow run}, and what it may pass to it. */
@DescriptorLeaks
class ServiceManagerTest {
  private static final int PATIENCE_MS = 30_000;

  @TempDir Path folder;

  private OxbowProcess start(List<String> prefix, Map<String, String> environment)
      throws IOException {
    return OxbowProcess.start(folder, "a", OxbowProcess.builtJar(), prefix, environment);
  }

  @ParameterizedTest
  @ValueSource(strings = {"path", "abstract"})
  void isToldWhenTheServiceServesAndWhenItStops(String kind) throws Exception {
    String name = "oxbow-notify-" + ProcessHandle.current().pid();
    boolean path = kind.equals("path");
    Path file = folder.resolve("notify");
    AFUNIXSocketAddress address =
        path ? AFUNIXSocketAddress.of(file) : AFUNIXSocketAddress.inAbstractNamespace(name);
    try (AFUNIXDatagramSocket manager = AFUNIXDatagramSocket.newInstance()) {
      manager.bind(address);
      manager.setSoTimeout(PATIENCE_MS);
      try (OxbowProcess service =
          start(List.of(), Map.of("NOTIFY_SOCKET", path ? file.toString() : "@" + name))) {
        assertThat(receive(manager)).isEqualTo("READY=1\nSTATUS=serves in " + service.runtimeDir());
        assertThat(service.runtimeDir().resolve("splicer.sock")).exists();
        assertThat(service.runtimeDir().resolve("oxbow.pid"))
            .hasContent(Long.toString(service.pid()));
        service.process().destroy();
        assertThat(receive(manager)).isEqualTo("STOPPING=1\nSTATUS=stopping");
        assertThat(service.awaitEnd()).isZero();
      }
    }
  }

  private static String receive(AFUNIXDatagramSocket manager) throws IOException {
    var packet = new DatagramPacket(new byte[512], 512);
    manager.receive(packet);
    return StandardCharsets.UTF_8
        .decode(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()))
        .toString();
  }

  @Test
  void rehearsalSpeaksToNoManager() throws Exception {
    Path file = folder.resolve("notify");
    try (AFUNIXDatagramSocket manager = AFUNIXDatagramSocket.newInstance()) {
      manager.bind(AFUNIXSocketAddress.of(file));
      manager.setSoTimeout(PATIENCE_MS);
      try (OxbowProcess service = start(List.of(), Map.of("NOTIFY_SOCKET", file.toString()))) {
        assertThat(receive(manager)).startsWith("READY=1");
        Await.until("an archive is made", () -> service.log().contains(".jsa made in"));
        manager.setSoTimeout(1);
        assertThrows(SocketTimeoutException.class, () -> receive(manager));
      }
    }
  }

  @Test
  void managerThatIsNotThereIsDoneWithout() throws Exception {
    try (OxbowProcess service =
        start(List.of(), Map.of("NOTIFY_SOCKET", folder.resolve("nobody").toString()))) {
      assertThat(service.awaitServing().stop()).isZero();
      assertThat(service.log()).contains("cannot be told: connect: ENOENT");
    }
  }

  /** Opens sockets from descriptor 3 on, as systemd does, and becomes what follows. */
  static List<String> activating(String names, String... sockets) {
    String script =
        """
        import os, socket, sys
        kinds = {'seq': socket.SOCK_SEQPACKET, 'stream': socket.SOCK_STREAM}
        fds = []
        for spec in sys.argv[2].split():
            kind, path = spec.split('=')
            if kind == 'tcp':
                s = socket.create_server(('127.0.0.1', int(path)), backlog=4096)
            elif kind == 'file':
                s = open(path)
            else:
                s = socket.socket(socket.AF_UNIX, kinds[kind])
                s.bind(path)
                s.listen()
            fds.append(s)
        high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(fds)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
                          LISTEN_FDNAMES=sys.argv[1])
        os.execvp(sys.argv[3], sys.argv[3:])
        """;
    return List.of("/usr/bin/python3", "-c", script, names, String.join(" ", sockets));
  }

  @ParameterizedTest
  @ValueSource(strings = {"splicer", "splicer.sock", "oxbow.socket"})
  void socketThatTheManagerHasOpenedIsServedAndLeftAtTheEnd(String name) throws Exception {
    Path socket = folder.resolve("splicer.sock");
    try (OxbowProcess service = start(activating(name, "seq=" + socket), Map.of()).awaitServing()) {
      assertThat(service.runtimeDir().resolve("splicer.sock")).doesNotExist();
      assertThat(hello(socket)).contains("\"service\":\"splicer\"", "\"pid\":" + service.pid());
      assertThat(service.stop()).isZero();
      assertThat(socket).exists();
    }
  }

  /** Says hello as a client in another language would. */
  static String hello(Path socket) throws Exception {
    String script =
        """
        import socket, sys
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(sys.argv[1])
        s.send(b'{"op":"hello","id":1,"app":"test"}')
        print(s.recv(65536).decode())
        """;
    Process client =
        new ProcessBuilder("python3", "-c", script, socket.toString())
            .redirectErrorStream(true)
            .start();
    return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "stream=splicer.sock | descriptor 3 (\"x\") is not SOCK_SEQPACKET",
        "file=a/oxbow.yaml | descriptor 3 (\"x\") is not a listening socket",
        "seq=splicer.sock seq=other.sock | descriptor 4 (\"y\") belongs to nothing that is",
      })
  void socketThatIsNotRightIsRefusedByItsNumber(String row) throws Exception {
    String[] columns = row.split(" \\| ", -1);
    List<String> sockets = new ArrayList<>();
    for (String socket : columns[0].split(" ", -1)) {
      sockets.add(socket.replace("=", "=" + folder + "/"));
    }
    Files.createDirectory(folder.resolve("a"));
    try (OxbowProcess service =
        start(activating("x:y", sockets.toArray(String[]::new)), Map.of())) {
      assertThat(service.awaitEnd()).isEqualTo(1);
      assertThat(service.log()).contains("oxbow: LISTEN_FDS: " + columns[1]);
    }
  }

  @Test
  void forwarderTakesThePortThatTheManagerHasOpened() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    List<String> command = new ArrayList<>(activating("web", "tcp=" + port));
    command.addAll(OxbowProcess.java());
    command.addAll(List.of("-jar", OxbowProcess.builtJar().toString(), "forward"));
    command.addAll(List.of("--listen", "127.0.0.1:" + port, "--to", "127.0.0.1:9"));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("OXBOW_CACHE", OxbowProcess.cache(folder).toString());
    Process forwarder = builder.start();
    try (BufferedReader lines = forwarder.inputReader(StandardCharsets.UTF_8)) {
      assertThat(lines.readLine()).contains("forwarding 127.0.0.1:" + port + " to 127.0.0.1:9");
      try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(client.isConnected()).isTrue();
        assertThat(lines.readLine()).contains("listen=127.0.0.1:" + port, "connect-failed");
      }
    } finally {
      forwarder.destroyForcibly().onExit().join();
    }
  }

  @Test
  void processThatWasStartedToIgnoreHangUpsServesAndStops() throws Exception {
    List<String> ignoring = List.of("sh", "-c", "trap '' HUP; exec \"$@\"", "sh");
    try (OxbowProcess service = start(ignoring, Map.of()).awaitServing()) {
      signal("-HUP", service.pid());
      assertThat(hello(service.runtimeDir().resolve("splicer.sock"))).contains("\"ok\":true");
      assertThat(service.stop()).isZero();
    }
  }

  @Test
  void hangUpCannotKillAProcessWhosePidIsPublished() throws Exception {
    try (OxbowProcess service = start(List.of(), Map.of())) {
      service.awaitServing();
      signal("-HUP", service.pid());
      long first = service.pid();
      Await.until(
          "the next process serves",
          () ->
              RuntimeDirectory.ownerOf(service.runtimeDir())
                  .filter(pid -> pid != first)
                  .isPresent());
    }
  }

  private static void signal(String signal, long pid) throws Exception {
    String[] kill = {"kill", signal, Long.toString(pid)};
    assertThat(new ProcessBuilder(kill).start().waitFor()).isZero();
  }
}

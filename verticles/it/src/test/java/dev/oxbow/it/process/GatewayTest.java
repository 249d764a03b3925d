package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code oxbow gateway} in real namespaces, with curl as it is. */
@DescriptorLeaks
@RequiresRoot
class GatewayTest {
  private static final int BYTES = 8 << 20;
  private static final int CURL_SECONDS = 40;

  /** CURLE_RECV_ERROR and CURLE_COULDNT_CONNECT, libcurl-errors(3). */
  private static final Set<Integer> RESET = Set.of(56, 7);

  @TempDir Path folder;
  private byte[] content;
  private Path jar;
  private final List<Process> scripts = new ArrayList<>();
  private Tenants tenants;

  @BeforeEach
  void prepare() throws Exception {
    content = new byte[BYTES];
    new Random(1).nextBytes(content);
    Path files = Files.createDirectories(folder.resolve("files"));
    Files.write(files.resolve("data"), content);
    Files.writeString(files.resolve("small"), "small");
    jar = OxbowProcess.builtJar();
    tenants = new Tenants(files, "a", "b");
  }

  @AfterEach
  void end() throws Exception {
    for (Process script : scripts) {
      script.destroyForcibly().waitFor();
    }
    tenants.end();
  }

  private static List<String> tun(String tenant) {
    return List.of(
        "--tun",
        "tun0",
        "--netns",
        Tenants.file(tenant).toString(),
        "--address",
        "10.7.0.2/24",
        "--address",
        "fd00:7::2/64");
  }

  private OxbowProcess gateway(String... more) throws Exception {
    List<String> arguments = new ArrayList<>(tun("a"));
    arguments.addAll(tun("b"));
    arguments.addAll(List.of(more));
    return OxbowProcess.gateway(folder, "g", jar, Tenants.inside("middle"), arguments);
  }

  private OxbowProcess routed(OxbowProcess gateway) throws Exception {
    for (String tenant : new String[] {"a", "b"}) {
      gateway.awaitLog(Tenants.file(tenant).getFileName() + "/tun0: carries TCP");
      tenants.routeInto(tenant, "tun0");
    }
    return gateway;
  }

  private Process download(String tenant, String server, String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of(more));
    arguments.add("http://" + server + ":" + Tenants.PORT + "/data");
    return Tenants.curl(tenant, output(tenant, server), arguments.toArray(String[]::new));
  }

  private Path output(String tenant, String server) {
    return folder.resolve(tenant + server.replaceAll("\\W", "_"));
  }

  private void requireWhole(Process curl, String tenant, String server) throws Exception {
    assertThat(curl.waitFor(CURL_SECONDS, TimeUnit.SECONDS)).isTrue();
    String said = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(curl.exitValue()).as(said).isZero();
    assertThat(Files.readAllBytes(output(tenant, server))).isEqualTo(content);
  }

  /**
   * Downloads again and again until the test says stop, each time by a connection of its own; says
   * each time how it went.
   *
   * @param urls by curl's globbing
   */
  private Process downloads(String tenant, String urls, String check) throws IOException {
    String curl =
        "curl -sS --fail --max-time 30 -o " + output(tenant, "again") + " -w '%{http_code}\\n' ";
    String again = curl + urls + check + "; ";
    // Ends by itself, too, when this process is killed.
    String script = "until [ -e " + folder + "/stop ] || ((SECONDS > 100)); do " + again + "done";
    Process started = Tenants.script(tenant, said(tenant), script);
    scripts.add(started);
    return started;
  }

  private Path said(String tenant) {
    return folder.resolve(tenant + ".said");
  }

  private static long lines(OxbowProcess gateway) {
    try {
      return Files.readAllLines(gateway.accessFile()).size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void twoTenantsWithEqualAddressesReachTheWorldThroughIt() throws Exception {
    try (OxbowProcess gateway = routed(gateway())) {
      for (String server : new String[] {Tenants.SERVER_4, Tenants.SERVER_6}) {
        Process a = download("a", server);
        Process b = download("b", server);
        requireWhole(a, "a", server);
        requireWhole(b, "b", server);
      }
      // Nobody listens there: the client is reset.
      Process refused =
          Tenants.curl("a", folder.resolve("none"), "http://" + Tenants.SERVER_4 + ":81/");
      assertThat(refused.waitFor(CURL_SECONDS, TimeUnit.SECONDS)).isTrue();
      assertThat(RESET).contains(refused.exitValue());
      // What is not TCP is dropped, and told.
      Tenants.run("b", "bash", "-c", "echo x > /dev/udp/" + Tenants.SERVER_4 + "/53");
      Await.until("all are logged", () -> lines(gateway) == 5);
      requireLines(gateway.accessLog());

      assertThat(gateway.stop()).isZero();
      assertThat(gateway.runtimeDir().resolve("handoff.sock")).doesNotExist();
      assertThat(gateway.log()).containsPattern("b/tun0: dropped .*[1-9]\\d* not-tcp");
    }
  }

  private static void requireLines(List<Message> lines) {
    Set<String> who = new TreeSet<>();
    for (Message line : lines) {
      String listen = line.string("listen");
      String client = line.string("client");
      who.add(listen.substring(listen.length() - "a/tun0".length()) + " " + line.string("reason"));
      assertThat(client).matches("10\\.7\\.0\\.2:\\d+|\\[fd00:7::2]:\\d+");
      if (line.string("reason").equals("eof")) {
        assertThat(line.string("target")).endsWith(":" + Tenants.PORT);
        assertThat(line.integer("bytesToClient", 0, Long.MAX_VALUE)).isGreaterThan(BYTES);
      } else {
        assertThat(line.string("error")).isEqualTo("ECONNREFUSED");
        assertThat(line.string("target")).isEqualTo(Tenants.SERVER_4 + ":81");
      }
    }
    assertThat(who).containsExactly("a/tun0 connect-failed", "a/tun0 eof", "b/tun0 eof");
  }

  @Test
  void nobodyIsRefusedAndEachIsLoggedOnceWhileItIsReplaced() throws Exception {
    try (OxbowProcess gateway = routed(gateway("--connect-timeout", "60s"))) {
      String small = "'http://" + Tenants.SERVER_4 + ":" + Tenants.PORT + "/small?[1-9]'";
      String data = "'http://" + Tenants.SERVER_6 + ":" + Tenants.PORT + "/data'";
      Process slow = download("b", Tenants.SERVER_4, "--limit-rate", "1M");
      Process waits = download("a", Tenants.SILENT, "--limit-rate", "4M");
      Process one = downloads("a", small, "");
      Process two =
          downloads("b", data, " && cmp " + output("b", "again") + " " + folder + "/files/data");
      awaitMore(gateway, 20);
      gateway.upgrade();
      assertThat(gateway.report())
          .contains("\"outcome\":\"committed\"")
          .containsPattern("\"connecting\":[1-9]");
      tenants.answer();
      awaitMore(gateway, 20);
      ProcessHandle serving = gateway.serving();
      gateway.failToTakeOver("successor:switch:40:die");
      Await.until("it is rolled back", () -> report(gateway).contains("\"rolled-back\""));
      assertThat(gateway.serving()).isEqualTo(serving);
      awaitMore(gateway, 20);
      Tenants.run("b", "bash", "-c", "echo x > /dev/udp/" + Tenants.SERVER_4 + "/53");
      gateway.upgrade();
      assertThat(gateway.report()).contains("\"outcome\":\"committed\"");
      awaitMore(gateway, 20);
      Files.createFile(folder.resolve("stop"));
      requireWhole(waits, "a", Tenants.SILENT);
      requireWhole(slow, "b", Tenants.SERVER_4);
      requireAllAnswered(gateway, 2, one, two);
      gateway.stopServing();
      assertThat(gateway.log()).containsPattern("b/tun0: dropped .*[1-9]\\d* not-tcp");
    }
  }

  private static void awaitMore(OxbowProcess gateway, int connections) {
    long now = lines(gateway);
    Await.until("more are served", () -> lines(gateway) > now + connections);
  }

  private static String report(OxbowProcess gateway) {
    try {
      return gateway.report();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Nothing but the right answers came, and each has its line, with those of other downloads. */
  private void requireAllAnswered(OxbowProcess gateway, int others, Process... scripts)
      throws Exception {
    for (Process script : scripts) {
      assertThat(script.waitFor(CURL_SECONDS, TimeUnit.SECONDS)).isTrue();
    }
    List<String> answers = new ArrayList<>(Files.readAllLines(said("a")));
    answers.addAll(Files.readAllLines(said("b")));
    assertThat(new TreeSet<>(answers)).containsExactly("200");
    Await.until("all are logged", () -> lines(gateway) >= answers.size() + others);
    Set<String> relays = new TreeSet<>();
    for (Message line : gateway.accessLog()) {
      assertThat(line.string("reason")).isEqualTo("eof");
      relays.add(line.string("relay"));
    }
    assertThat(relays).hasSize(answers.size() + others).hasSize((int) lines(gateway));
  }

  private static Set<String> relays(OxbowProcess gateway) {
    Set<String> relays = new TreeSet<>();
    try {
      gateway.accessLog().forEach(line -> relays.add(line.string("relay")));
      return relays;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void killedGatewayLosesNoConnectionAndTheNextGoesOn() throws Exception {
    try (OxbowProcess services =
        OxbowProcess.start(
                folder,
                "s",
                "splicer: {}\nbumblebee: {}\n",
                jar,
                Tenants.inside("middle"),
                Map.of())
            .awaitServing()) {
      String[] sockets = {
        "--bumblebee", services.runtimeDir().resolve("bumblebee.sock").toString(),
        "--splicer", services.runtimeDir().resolve("splicer.sock").toString()
      };
      Process slow;
      Set<String> logged;
      try (OxbowProcess first = routed(gateway(sockets))) {
        requireWhole(download("a", Tenants.SERVER_4), "a", Tenants.SERVER_4);
        // Else its kernel may read all of it ahead, and the relay is over before the kill.
        String small = "echo 4096 65536 131072 > /proc/sys/net/ipv4/tcp_rmem";
        assertThat(Tenants.run("b", "sh", "-c", small)).isZero();
        slow = download("b", Tenants.SERVER_6, "--limit-rate", "1M");
        Await.until("it has begun", () -> Files.exists(output("b", Tenants.SERVER_6)));
        ProcessHandle gateway = first.serving();
        ProcessHandle carrier = services.serving();
        first.hangUp();
        services.hangUp();
        first.awaitSuccessorOf(gateway);
        services.awaitSuccessorOf(carrier);
        requireWhole(download("b", Tenants.SERVER_4), "b", Tenants.SERVER_4);
        first.await("both are logged", () -> lines(first) == 2);
        logged = relays(first);
        first.kill();
      }
      Files.delete(folder.resolve("g").resolve("log"));
      try (OxbowProcess second = gateway(sockets).awaitLog("b/tun0: goes on")) {
        requireWhole(download("a", Tenants.SERVER_6), "a", Tenants.SERVER_6);
        requireWhole(slow, "b", Tenants.SERVER_6);
        // What the first had not acknowledged when it was killed comes again.
        second.await(
            "both are logged",
            () -> relays(second).stream().filter(relay -> !logged.contains(relay)).count() == 2);
        // A service that is away keeps no gateway from stopping in order, and soon.
        services.kill();
        assertThat(second.stop()).isZero();
        assertThat(second.log()).contains("stopped");
      }
    }
  }
}

package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The units of systemd that are handed out can be used. */
@DescriptorLeaks
class UnitFilesTest {
  private static final Path CONFIG = Path.of("..", "..", "config");

  /** The first with {@code Type=notify-reload}. */
  private static final int NOTIFY_RELOAD = 253;

  private static final int LIMIT = 20_000;

  @TempDir Path folder;

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() + " " + output.strip();
  }

  @Test
  void systemdFindsNothingWrongWithThem() throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/systemd-analyze")), "systemd-analyze is missing");
    Matcher version =
        Pattern.compile("systemd (\\d+)").matcher(run("systemd-analyze", "--version"));
    assertThat(version.find()).isTrue();
    String service = Files.readString(CONFIG.resolve("oxbow.service"));
    if (Integer.parseInt(version.group(1)) < NOTIFY_RELOAD) {
      // As the comment in the unit says.
      service = service.replace("Type=notify-reload", "Type=notify");
    }
    // Where java is differs from machine to machine; that the program exists is checked, too.
    service = service.replace("/usr/bin/java", OxbowProcess.java().get(0));
    Path unit = Files.writeString(folder.resolve("oxbow.service"), service);
    String splicer = copy("oxbow.socket");
    String bumblebee = copy("oxbow-bumblebee.socket");
    String fish = copy("oxbow-fish.socket");
    String[] verify = {
      "systemd-analyze", "verify", unit.toString(), splicer, bumblebee, fish,
    };

    assertThat(run(verify)).isEqualTo("0 ");
    Files.createDirectory(folder.resolve("oxbow.service.d"));
    for (String dropIn : List.of("bumblebee.conf", "fish.conf")) {
      copy("oxbow.service.d/" + dropIn);
      assertThat(run(verify)).isEqualTo("0 ");
    }
  }

  private String copy(String unit) throws IOException {
    return Files.copy(CONFIG.resolve(unit), folder.resolve(unit)).toString();
  }

  @ParameterizedTest
  @CsvSource({
    "splicer, oxbow.socket",
    "bumblebee, oxbow-bumblebee.socket",
    "fish, oxbow-fish.socket"
  })
  void socketIsWhereClientsOfTheDefaultConfigurationLook(String service, String unit)
      throws IOException {
    Path runtimeDir =
        OxbowConfig.parse(OxbowConfig.annotatedDefault(), "oxbow.yaml").getRuntimeDir();

    assertThat(Files.readString(CONFIG.resolve(unit)))
        .contains("\nListenSequentialPacket=" + runtimeDir.resolve(service + ".sock") + "\n")
        .contains("\nFileDescriptorName=" + service + "\n");
  }

  /**
   * The program needs no more than the units leave open, in its first process and in the next, and
   * knows each socket of theirs.
   */
  @Test
  @RequiresRoot
  void bumblebeeLivesWithWhatTheUnitsLeaveOpen() throws Exception {
    Sandbox.give(folder);
    Sandbox.give(folder.resolve("a"));
    Sandbox.give(folder.resolve("cache"));
    Path jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
    String sections = "splicer: {}\nbumblebee: {}\n";
    Map<String, String> home = Map.of("HOME", folder.toString());
    List<String> shut = Sandbox.of("oxbow.service").inside(folder, LIMIT);
    try (OxbowProcess refused = OxbowProcess.start(folder, "a", sections, jar, shut, home)) {
      assertThat(refused.awaitEnd()).isEqualTo(1);
      assertThat(refused.log()).contains("oxbow: Bumblebee cannot start: ");
    }
    List<String> open =
        Sandbox.of("oxbow.service", "oxbow.service.d/bumblebee.conf").inside(folder, LIMIT);
    List<String> check = new ArrayList<>(open);
    check.addAll(OxbowProcess.java());
    check.addAll(List.of("-jar", jar.toString(), "check", "--config"));
    check.add(folder.resolve("a/oxbow.yaml").toString());
    assertThat(run(check.toArray(String[]::new)))
        .startsWith("0 ")
        .contains("connections can be reset");
    Path splicer = folder.resolve("one");
    Path bumblebee = folder.resolve("two");
    String[] sockets = {"seq=" + bumblebee, "seq=" + splicer};
    open.addAll(ServiceManagerTest.activating("bumblebee:splicer", sockets));
    try (OxbowProcess service =
        OxbowProcess.start(folder, "a", sections, jar, open, home).awaitServing()) {
      service.upgrade();
      assertThat(service.report()).contains("\"outcome\":\"committed\"");
      String next = "\"pid\":" + service.serving().pid();
      assertThat(ServiceManagerTest.hello(splicer)).contains("\"service\":\"splicer\"", next);
      assertThat(ServiceManagerTest.hello(bumblebee)).contains("\"service\":\"bumblebee\"", next);
      service.stopServing();
    }
  }

  /** As above; in a network namespace of its own, whose rules and settings are Fish's. */
  @Test
  @RequiresRoot
  void fishLivesWithWhatTheUnitsLeaveOpen() throws Exception {
    Sandbox.give(folder);
    Sandbox.give(folder.resolve("a"));
    Sandbox.give(folder.resolve("cache"));
    Path jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
    String sections = "fish:\n  egress: [{address: 203.0.113.7, ports: 20000-20999}]\n";
    Map<String, String> home = Map.of("HOME", folder.toString());
    List<String> shut = new ArrayList<>(List.of("unshare", "--net"));
    shut.addAll(Sandbox.of("oxbow.service").inside(folder, LIMIT));
    try (OxbowProcess refused = OxbowProcess.start(folder, "a", sections, jar, shut, home)) {
      assertThat(refused.awaitEnd()).isEqualTo(1);
      assertThat(refused.log()).contains("oxbow: interface oxbow-setup cannot be made");
    }
    List<String> open = new ArrayList<>(List.of("unshare", "--net"));
    open.addAll(Sandbox.of("oxbow.service", "oxbow.service.d/fish.conf").inside(folder, LIMIT));
    Path socket = folder.resolve("one");
    open.addAll(ServiceManagerTest.activating("fish", "seq=" + socket));
    try (OxbowProcess service =
        OxbowProcess.start(folder, "a", sections, jar, open, home).awaitServing()) {
      String inside = "/proc/" + service.pid() + "/ns/net";
      String[] rules = {"nsenter", "--net=" + inside, "nft", "list", "ruleset"};
      assertThat(run(rules)).contains("table inet oxbow_fish0", "203.0.113.7 . 20000-20999");
      service.upgrade();
      assertThat(service.report()).contains("\"outcome\":\"committed\"");
      String next = "\"pid\":" + service.serving().pid();
      assertThat(ServiceManagerTest.hello(socket)).contains("\"service\":\"fish\"", next);
      service.stopServing();
    }
  }
}

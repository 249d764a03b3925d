package dev.oxbow.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each kind of bad input, and the words it is refused with. */
class RefusalTest {

  private static final String MINIMAL = "runtimeDir: /run/oxbow\nsplicer:\n";

  static String refusal(String yaml) {
    return catchThrowableOfType(ConfigException.class, () -> OxbowConfig.parse(yaml, "oxbow.yaml"))
        .getMessage();
  }

  @Test
  void refusesValueOfWrongTypeWithItsLine() {
    assertThat(refusal(MINIMAL + "quotas:\n\n  # plenty\n  relays: many\n"))
        .isEqualTo(
            "oxbow.yaml:6: quotas.relays: \"many\" is not right: expected an integer from 1 to"
                + " 1000000 (relays that one uid may have at once)");
  }

  @Test
  void showsNoSecretThatIsWrong() {
    String pair = "fish:\n  pair: {home: first, name: a, peers: ['::1'], secret: 'hush-é'}\n";
    assertThat(refusal(MINIMAL + pair))
        .contains("secret: what is there (not shown) is not right: expected 8 to 1024 ASCII")
        .doesNotContain("hush");
  }

  @Test
  void refusesUnknownKeyWithItsLineAndTheOneThatWasMeant() {
    assertThat(refusal("runtimeDir: /run/oxbow\nsplicer:\n  pipebytes: 65536\n"))
        .isEqualTo(
            "oxbow.yaml:3: splicer.pipebytes: unknown key; did you mean pipeBytes?"
                + " Known here: loops, pipeBytes, idlePipes, stallMs, busyPollMicros");
  }

  @Test
  void refusesServiceThatIsNotKnown() {
    assertThat(refusal(MINIMAL + "wasp: {}\n"))
        .isEqualTo(
            "oxbow.yaml:3: wasp: unknown key."
                + " Known here: runtimeDir, control, quotas, handoff, splicer, bumblebee, fish");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {address: 203.0.113.7} | ports: missing: expected a range of ports such as 20000-20999
          {ports: '7'} | address: missing: expected an IPv4 or IPv6 address
          {address: 203.0.113.7, ports: '9-8'} | ports: "9-8" is not right: expected a range
          {address: 203.0.113.7, ports: '0-8'} | ports: "0-8" is not right: expected a range
          {address: 203.0.113.7, ports: '8-65536'} | ports: "8-65536" is not right: expected
          {address: 203.0.113.7, ports: '9-20'} | ports: "9-20" is not right: some of them are
          """)
  void refusesGrantThatIsNotWhole(String grant, String why) {
    String good = "    - {address: 203.0.113.7, ports: 7-9}\n";
    assertThat(refusal(MINIMAL + "fish:\n  egress:\n" + good + "    - " + grant + "\n"))
        .startsWith("oxbow.yaml:6: fish.egress[1]." + why);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          listen: '10.9.0.1:70000' | .listen: "10.9.0.1:70000" is not right: expected an address
          peers: ['10.9.0.2'] | .peers[0]: "10.9.0.2" is not right: expected an address and
          peers: [] | .peers: a list is not right: expected a list of at most 4, in brackets, each
          home: third | .home: "third" is not right: expected first or second
          """)
  void refusesPartnerThatCannotBe(String key, String why) {
    String rest =
        List.of("name: edge-1", "home: first", "listen: '10.9.0.1:1'", "peers: ['10.9.0.2:1']")
            .stream()
            .filter(line -> !line.startsWith(key.substring(0, 4)))
            .collect(Collectors.joining(", "));
    assertThat(refusal(MINIMAL + "fish:\n  pair: {" + rest + ", " + key + "}\n"))
        .startsWith("oxbow.yaml:4: fish.pair" + why);
  }

  @Test
  void namesWhatThePartnerLacks() {
    assertThat(refusal(MINIMAL + "fish:\n  pair: {home: first, name: edge-1, peers: ['::1']}\n"))
        .contains(
            "fish.pair.listen: missing: expected an address and a port such as 10.9.0.1:5701");
  }

  @Test
  void saysWhereMisplacedKeyBelongs() {
    assertThat(refusal(MINIMAL + "socketGroup: www-data\n"))
        .startsWith("oxbow.yaml:3: socketGroup: unknown key; it belongs in control. Known here");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a/b", "a~1b", "ü b%20+c", "\"\"", "~", "1", "<<"})
  void refusesOddUnknownKeys(String key) {
    assertThat(refusal(MINIMAL + "control:\n  " + key + ": 1\n"))
        .startsWith(
            "oxbow.yaml:4: control." + key.replace("\"", "") + ": unknown key. Known here:");
  }

  @Test
  void tellsEverythingAtOnceInTheOrderOfTheLines() {
    String yaml =
        """
        # no runtimeDir
        splicer:
          loops: -1
          loop: 1
          stallMs: 5
        quotas:
          relays: 0
          relays: 1
        """;

    assertThat(refusal(yaml).lines().map(line -> line.replaceFirst(": [^:]*$", "")))
        .containsExactly(
            "oxbow.yaml:2: runtimeDir: missing: expected an absolute path, at most 90 ASCII"
                + " characters (where the control sockets, the pid file and the lock are); for"
                + " example runtimeDir",
            "oxbow.yaml:3: splicer.loops: -1 is not right",
            "oxbow.yaml:4: splicer.loop: unknown key; did you mean loops? Known here",
            "oxbow.yaml:5: splicer.stallMs: 5 is not right",
            "oxbow.yaml:7: quotas.relays: 0 is not right",
            "oxbow.yaml:8: quotas.relays");
  }

  @Test
  void problemsHavePathLineAndMessageOfTheirOwn() {
    ConfigException e =
        catchThrowableOfType(
            ConfigException.class, () -> OxbowConfig.parse(MINIMAL + "quotas: 5\n", "x"));

    assertThat(e.problems())
        .containsExactly(
            new Problem(
                "quotas",
                3,
                "5 is not right: expected a section with any of the keys connections,"
                    + " descriptors, relays, tunnels, tunnelConnections, sessions, flows,"
                    + " sessionFlows, flowsPerSecond, sessionFlowsPerSecond, mailboxEvents,"
                    + " mailboxAgeMs, metadataBytes, heldBytes, perUid (what one uid may hold at"
                    + " once)"));
  }

  @Test
  void refusesDuplicateKeyWithBothLines() {
    assertThat(refusal(MINIMAL + "quotas:\n  relays: 1\n  relays: 1\n"))
        .isEqualTo("oxbow.yaml:5: quotas.relays: set twice, first in line 4; leave one of them");
  }

  @Test
  void refusesConfigurationWithoutService() {
    assertThat(refusal("# nothing on\nruntimeDir: /run/oxbow\n"))
        .isEqualTo(
            "oxbow.yaml:2: no service is on; add a section for one of: splicer, bumblebee, fish");
  }

  @Test
  void refusesKeyThatIsNoUid() {
    String yaml = MINIMAL + "quotas:\n  perUid:\n    www-data:\n      relays: 1\n";

    assertThat(refusal(yaml))
        .isEqualTo(
            "oxbow.yaml:5: quotas.perUid.www-data: not right as a key:"
                + " expected a uid from 0 to 4294967294");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "01", "4294967295", "5000000000", "1.5"})
  void refusesUidOutOfRange(String uid) {
    assertThat(refusal(MINIMAL + "quotas: {perUid: {" + uid + ": {relays: 1}}}\n"))
        .contains("not right as a key: expected a uid from 0 to 4294967294");
  }

  @Test
  void refusesWrongQuotaOfOneUidWithItsPath() {
    assertThat(refusal(MINIMAL + "quotas:\n  perUid:\n    7:\n      relays: 1.5\n"))
        .startsWith("oxbow.yaml:6: quotas.perUid.7.relays: \"1.5\" is not right: expected an int");
  }

  @Test
  void refusesItemOfListWithItsIndexAndLine() {
    assertThat(refusal(MINIMAL + "control:\n  allowedUids:\n    - 33\n    - root\n"))
        .isEqualTo(
            "oxbow.yaml:6: control.allowedUids[1]: \"root\" is not right:"
                + " expected an integer from 0 to 4294967294 (uid)");
  }

  @Test
  void refusesScalarWhereListIsWanted() {
    assertThat(refusal(MINIMAL + "control:\n  allowedUids: 33\n"))
        .isEqualTo(
            "oxbow.yaml:4: control.allowedUids: 33 is not right: expected a list of at most 1024,"
                + " in brackets, each an integer from 0 to 4294967294"
                + " (uids that may use the services)");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "runtimeDir: run/oxbow | an absolute path",
        "runtimeDir: | an absolute path",
        "runtimeDir: [/run/oxbow] | an absolute path",
        "runtimeDir: /rün | an absolute path",
        "control: {directoryMode: 0650} | an octal mode from 0700 to 0777",
        "control: {socketMode: 0688} | an octal mode from 0600 to 0777",
        "control: {socketMode: rw} | an octal mode from 0600 to 0777",
        "control: {socketGroup: a b} | the name of a group or a gid",
        "control: {allowedGids: [-1]} | an integer from 0 to 4294967294",
        "quotas: {connections: 0} | an integer from 1 to 65536",
        "quotas: {descriptors: 99999999999999999999} | an integer from 1 to 1048576",
        "quotas: {relays: 010} | an integer from 1 to 1000000",
        "quotas: {relays: 0x10} | an integer from 1 to 1000000",
        "quotas: {relays: '10'} | an integer from 1 to 1000000",
        "quotas: {relays: 10.0} | an integer from 1 to 1000000",
        "quotas: {relays: yes} | an integer from 1 to 1000000",
        "quotas: {relays: } | an integer from 1 to 1000000",
        "quotas: {relays: {a: 1}} | an integer from 1 to 1000000",
        "quotas: {mailboxEvents: 1000001} | an integer from 1 to 1000000",
        "quotas: {mailboxAgeMs: 9} | an integer from 10 to 604800000",
        "quotas: {metadataBytes: 63} | an integer from 64 to 8388608",
        "quotas: {heldBytes: 65535} | an integer from 65536 to 2147483647",
        "quotas: {heldBytes: 2147483648} | an integer from 65536 to 2147483647",
        "quotas: {perUid: [1]} | a section, each key a uid from 0 to 4294967294",
        "quotas: {perUid: {1: 2}} | a section with any of the keys connections",
        "splicer: true | a section with any of the keys loops",
        "handoff: {command: /bin/true} | a list of at most 256, in brackets, each text",
        "handoff: {command: [a, ~]} | text of 1 to 4096 characters",
        "handoff: {deadlineMs: 999} | an integer from 1000 to 600000",
        "handoff: {groupDeadlineMs: 9} | an integer from 10 to 60000",
        "splicer: {pipeBytes: 4095} | an integer from 4096 to 16777216",
        "splicer: {idlePipes: 1025} | an integer from 0 to 1024",
        "splicer: {stallMs: 60001} | an integer from 10 to 60000",
        "splicer: {busyPollMicros: 1001} | an integer from 0 to 1000",
        "bumblebee: {maxTunnels: 16385} | an integer from 64 to 16384",
        "bumblebee: [10] | a section with any of the keys loops",
      })
  void refusesValueWithWhatWouldBeRight(String line, String expected) {
    String key = line.substring(0, line.indexOf(':'));
    String rest = MINIMAL.replaceFirst("(?m)^" + key + ":.*\n", "");

    assertThat(refusal(rest + line)).contains("is not right: expected " + expected);
    assertThat(refusal(rest + line).lines()).hasSize(1);
  }

  @Test
  void refusesRuntimeDirInWhichSocketPathsWouldBeTooLong() {
    assertThat(refusal("splicer:\nruntimeDir: /" + "x".repeat(90)))
        .contains("expected an absolute path, at most 90 ASCII characters");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "null",
      value = {
        "runtimeDir: /run\\n\\tsplicer: | oxbow.yaml:2: | TAB",
        "splicer: {loops: 1\\nquotas: | oxbow.yaml:2: | expected ',' or '}'",
        "splicer: \\\"a | oxbow.yaml:1: | unexpected end of stream",
        "- splicer | oxbow.yaml:1: | not a mapping; expected lines of key: value",
        "splicer | oxbow.yaml:1: | not a mapping; expected lines of key: value",
        "splicer:\\n---\\nsplicer: | oxbow.yaml:2: | found another document",
        "control: &c\\nquotas: *c | oxbow.yaml:2: | *c: aliases are not used here",
        "control: *nowhere | oxbow.yaml:1: | aliases are not used here",
        "control: &a [*a] | oxbow.yaml:1: | aliases are not used here",
        "splicer:\\n  ? [loops]\\n  : 1 | oxbow.yaml:2: splicer: | cannot be a key",
        "splicer: {loops: !new 1} | oxbow.yaml:1: splicer.loops: | the tag !new is not used here",
        "splicer: !!java.io.File [/] | oxbow.yaml:1: | Global tag is not allowed",
        "runtimeDir: \\\"/run\\\\n\\\" | oxbow.yaml:1: runtimeDir: | a line break",
        "splicer:\\n  \\\"a\\\\x01b\\\": 1 | oxbow.yaml:2: splicer: | a key with a line break",
        "splicer:\\n\\1 | oxbow.yaml:2: | U+0001 may not be in it",
      })
  void refusesYamlThatIsNoConfiguration(String escaped, String place, String words) {
    assertThat(refusal(escaped.translateEscapes())).contains(place).contains(words);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "# nothing\n", "---\n", "~"})
  void refusesEmptyFile(String yaml) {
    assertThat(refusal(yaml)).endsWith(": empty; expected keys, at least runtimeDir");
  }

  @Test
  void refusesDeepNestingAndExcessiveLength() {
    assertThat(refusal("splicer: " + "[".repeat(1000))).contains("not valid YAML");
    assertThat(refusal(MINIMAL + "#".repeat(YamlDocument.MAX_LENGTH)))
        .isEqualTo("oxbow.yaml:1: longer than 1048576 characters: not a configuration");
  }

  @Test
  void refusesFileThatIsMissing() {
    assertThatThrownBy(() -> OxbowConfig.load(Path.of("/nowhere/oxbow.yaml")))
        .isInstanceOf(ConfigException.class)
        .hasMessage("/nowhere/oxbow.yaml: there is no such file");
  }

  @Test
  void refusesDirectoryAndFileThatIsNoText(@TempDir Path dir) throws IOException {
    Path binary = Files.write(dir.resolve("binary"), new byte[] {(byte) 0xff, 0});

    assertThatThrownBy(() -> OxbowConfig.load(dir))
        .hasMessage(dir + ": is a directory; expected a YAML file");
    assertThatThrownBy(() -> OxbowConfig.load(binary)).hasMessage(binary + ": is not UTF-8 text");
  }

  @Test
  void refusesDeviceWithoutEnd() {
    assertThatThrownBy(() -> OxbowConfig.load(Path.of("/dev/zero")))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("/dev/zero:1: longer than");
  }

  @Test
  void refusesFileThatCannotBeReadWithTheReason() {
    assertThatThrownBy(() -> OxbowConfig.load(Path.of("/proc/self/mem")))
        .isInstanceOf(ConfigException.class)
        .hasMessage("/proc/self/mem: cannot be read: Input/output error");
  }

  /** Random cuts and insertions into a file with every key: anything else thrown is a bug. */
  @Test
  void answersAnyTextWithOptionsOrWithProblems() {
    String original = DocumentedKeysTest.withEveryKey();
    String[] pieces = {
      ":",
      " ",
      "\n",
      "\t",
      "[",
      "]",
      "{",
      "}",
      "&a ",
      "*a",
      "!x ",
      "? ",
      "- ",
      "|",
      "\"",
      "'",
      "~",
      "%",
      "/",
      "é",
      "\u0000",
      "<<: ",
      "---\n",
      "0",
      "-1",
      "1e9",
      "99999999999999999999",
      "#"
    };
    var random = new Random(20_260_101);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
      var text = new StringBuilder(original);
      for (int change = random.nextInt(4); change >= 0; change--) {
        int at = random.nextInt(text.length());
        text.replace(
            at,
            Math.min(text.length(), at + random.nextInt(4)),
            pieces[random.nextInt(pieces.length)]);
      }
      try {
        OxbowConfig.parse(text.toString(), "oxbow.yaml");
      } catch (ConfigException e) {
        refused++;
        assertThat(e.problems()).isNotEmpty().allMatch(problem -> problem.line() > 0);
      }
    }
    assertThat(refused).isBetween(1, 2999);
  }
}

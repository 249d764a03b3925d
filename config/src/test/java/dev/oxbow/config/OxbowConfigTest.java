package dev.oxbow.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OxbowConfigTest {

  private static OxbowOptions parse(String yaml) {
    return OxbowConfig.parse(yaml, "oxbow.yaml");
  }

  @ParameterizedTest
  @ValueSource(strings = {"splicer:", "splicer: {}", "splicer: null", "splicer:\n  #loops: 1\n"})
  void emptySectionSwitchesServiceOn(String section) {
    OxbowOptions options = parse("runtimeDir: /run/oxbow\ncontrol:\nquotas:\n" + section);

    OxbowOptions defaults =
        new OxbowOptions(Path.of("/run/oxbow")).setSplicer(new SplicerOptions());
    assertThat(options.toJson()).isEqualTo(defaults.toJson());
  }

  /** All but perUid, as in the configuration below. */
  private static String quotas(int relays) {
    return ("'connections':1,'descriptors':2,'relays':"
            + relays
            + ",'tunnels':8,'tunnelConnections':9,'sessions':10,'flows':11,'sessionFlows':12,"
            + "'flowsPerSecond':13,'sessionFlowsPerSecond':14,'mailboxEvents':4,"
            + "'mailboxAgeMs':500,'metadataBytes':600,'heldBytes':70000")
        .replace('\'', '"');
  }

  @Test
  void readsEveryKey() {
    OxbowOptions options =
        parse(
            """
            runtimeDir: /run/edge
            control:
              directoryMode: "0755"
              socketMode: "0666"
              socketGroup: 33
              allowedUids: [1000, 4294967294]
              allowedGids:
                - 33
            quotas:
              {connections: 1, descriptors: 2, relays: 3, tunnels: 8, tunnelConnections: 9,
               sessions: 10, flows: 11, sessionFlows: 12, flowsPerSecond: 13,
               sessionFlowsPerSecond: 14, mailboxEvents: 4, mailboxAgeMs: 500, metadataBytes: 600,
               heldBytes: 70000, perUid: {1000: {relays: 7}, 0: }}
            splicer:
              loops: 2
              pipeBytes: 65536
              idlePipes: 0
              stallMs: 10
              busyPollMicros: 0
            bumblebee:
              loops: 3
              maxTunnels: 64
              groupConnections: 256
              handshakes: 65
            """);

    assertThat(options.getRuntimeDir()).isEqualTo(Path.of("/run/edge"));
    ControlOptions control = options.getControl();
    assertThat(control.getDirectoryMode()).isEqualTo(0755);
    assertThat(control.getSocketMode()).isEqualTo(0666);
    assertThat(control.getSocketGroup()).isEqualTo("33");
    assertThat(control.getAllowedUids()).containsExactly(1000L, 4_294_967_294L);
    assertThat(control.getAllowedGids()).containsExactly(33L);
    assertThat(options.getQuotas().toJson().encode())
        .isEqualTo(
            "{"
                + quotas(3)
                + ",\"perUid\":{\"0\":{"
                + quotas(3)
                + "},\"1000\":{"
                + quotas(7)
                + "}}}");
    requireServices(options);
  }

  private static void requireServices(OxbowOptions options) {
    SplicerOptions splicer = options.getSplicer();
    assertThat(splicer.getLoops()).isEqualTo(2);
    assertThat(splicer.getPipeBytes()).isEqualTo(65_536);
    assertThat(splicer.getIdlePipes()).isZero();
    assertThat(splicer.getStallMs()).isEqualTo(10);
    assertThat(splicer.getBusyPollMicros()).isZero();
    BumblebeeOptions bumblebee = options.getBumblebee();
    assertThat(bumblebee.getLoops()).isEqualTo(3);
    assertThat(bumblebee.getMaxTunnels()).isEqualTo(64);
    assertThat(bumblebee.getGroupConnections()).isEqualTo(256);
    assertThat(bumblebee.getHandshakes()).isEqualTo(65);
  }

  @ParameterizedTest
  @ValueSource(strings = {"0640", "'0640'", "\"640\"", "640"})
  void readsModesAsOctalHoweverTheyAreWritten(String mode) {
    OxbowOptions options =
        parse("runtimeDir: /run/oxbow\nsplicer:\ncontrol: {socketMode: " + mode + "}\n");

    assertThat(options.getControl().getSocketMode()).isEqualTo(0640);
  }

  @Test
  void readsGroupNamesThatYamlWouldTakeForSomethingElse() {
    OxbowOptions options = parse("runtimeDir: /run/oxbow\nsplicer:\ncontrol: {socketGroup: on}\n");

    assertThat(options.getControl().getSocketGroup()).isEqualTo("on");
  }

  @Test
  void loadsFile(@TempDir Path dir) throws IOException {
    Path file = Files.writeString(dir.resolve("oxbow.yaml"), "runtimeDir: /run/é\n");
    assertThat(RefusalTest.refusal(Files.readString(file))).contains("\"/run/é\"");

    Files.writeString(file, "runtimeDir: " + dir + "\nsplicer: {loops: 3}\n");
    assertThat(OxbowConfig.load(file).getSplicer().getLoops()).isEqualTo(3);
  }

  @Test
  void whatIsReadCanBeWrittenAndReadAgain() {
    OxbowOptions options = parse(OxbowConfig.annotatedDefault());
    options.getControl().setSocketGroup("adm");
    options.getQuotas().setPerUid(5, new QuotaOptions().setRelays(1));

    String json = options.toJson().encodePrettily();
    assertThat(parse(json).toJson()).isEqualTo(options.toJson());
  }
}

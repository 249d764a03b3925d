package dev.oxbow.app.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What a tun is called, and by which metadata a later gateway knows it again. */
@DescriptorLeaks
class TunnelNamesTest {

  private static String label(String netns) {
    String[] arguments = {"--tun", "tun0", "--netns", netns};
    return CommandLine.populateCommand(new TunOptions(), arguments).label();
  }

  @Test
  void namespaceIsCalledByItsNameOnlyWhereNamesAre() {
    assertThat(CommandLine.populateCommand(new TunOptions(), "--tun", "tun0").label())
        .isEqualTo("tun0");
    assertThat(label("/run/netns/blue")).isEqualTo("blue/tun0");
    assertThat(label("/var/run/netns/../netns/blue")).isEqualTo("blue/tun0");
    assertThat(label("/proc/1/ns/net")).isEqualTo("/proc/1/ns/net/tun0");
    assertThat(label("/proc/2/ns/net")).isEqualTo("/proc/2/ns/net/tun0");
    assertThat(label("blue")).isEqualTo(Path.of("blue").toAbsolutePath() + "/tun0");
  }

  private static TunOptions resumed(String... more) {
    List<String> arguments = new ArrayList<>(List.of("--tun", "tun0", "--netns", "/run/netns/a"));
    arguments.addAll(List.of(more));
    return CommandLine.populateCommand(new TunOptions(), arguments.toArray(String[]::new));
  }

  @Test
  void fishKnowsItsSessionByTheTunOrByTheNameThatIsGiven() {
    String[] egress = {"--egress", "203.0.113.7:20000-20999"};
    assertThat(resumed(egress).resume()).isEqualTo("a/tun0");
    TunOptions named = resumed("--resume", "blue", egress[0], egress[1]);
    assertThat(named.resume()).isEqualTo("blue");
    assertThat(named.problem()).isNull();
    assertThat(resumed("--resume", "blue").problem()).isEqualTo("--resume needs --egress");
    assertThat(resumed("--resume", "blå", egress[0], egress[1]).problem())
        .isEqualTo("--resume is 'blå'; expected 1 to 128 printable ASCII characters");
  }

  @Test
  void metadataTellsTheAppAndTheTun() {
    RawJson metadata = RawJson.of(Gateway.metadata("one", "blue/tun0").encode());
    assertThat(Gateway.label(metadata)).isEqualTo("blue/tun0");
    assertThat(Gateway.isOf("one", metadata)).isTrue();
    assertThat(Gateway.isOf("two", metadata)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "\"tun\"",
        "[1]",
        "{}",
        "{\"tun\": 5, \"app\": {}}",
        "{\"tun\": null, \"app\": [\"one\"]}"
      })
  void metadataOfAnotherProgramNamesNothing(String json) {
    assertThat(Gateway.label(RawJson.of(json))).isEmpty();
    assertThat(Gateway.isOf("one", RawJson.of(json))).isFalse();
  }
}

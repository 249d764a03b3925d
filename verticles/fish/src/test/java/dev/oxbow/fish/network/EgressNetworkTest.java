package dev.oxbow.fish.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.PortSlice;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
@RequiresRoot
class EgressNetworkTest {
  @TempDir Path directory;

  @Test
  void whatIsSetUpIsPutBack() throws IOException {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      EgressNetwork network = namespace.call(() -> EgressNetwork.open(plan()));
      String set = namespace.call(EgressNetworkTest::state);
      assertThat(set)
          .contains("100.64.0.0/10 dev fish0", "blackhole 100.64.0.0/10", "table inet oxbow_fish0")
          .contains("203.0.113.7 . 20000-20999", "2001:db8:2::7 . 30000-30999")
          .contains("forward 1 1", "iifname != \"fish0\" oifname != \"fish0\" counter");
      assertThat(namespace.<Long>call(network::dropped)).isZero();
      namespace.call(() -> restored(network));
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
      assertThat(directory).isEmptyDirectory();
    }
  }

  @Test
  void afterCrashRulesStayAndTheNextLifePutsBackWhatWasBeforeTheFirst() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      EgressNetwork first = namespace.call(() -> EgressNetwork.open(plan()));
      first.close();
      String crashed = namespace.call(EgressNetworkTest::state);
      assertThat(crashed)
          .contains("blackhole 100.64.0.0/10", "table inet oxbow_fish0")
          .doesNotContain("100.64.0.0/10 dev fish0");
      EgressNetwork second = namespace.call(() -> EgressNetwork.open(plan()));
      assertThat(namespace.call(EgressNetworkTest::state))
          .contains("iifname != \"fish0\" oifname != \"fish0\"");
      namespace.call(() -> restored(second));
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  @Test
  void machineThatForwardsAlreadyGoesOnDoingSo() {
    try (Namespace namespace = Namespace.open()) {
      namespace.call(
          () -> {
            Files.writeString(Path.of("/proc/sys/net/ipv4/ip_forward"), "1");
            Files.writeString(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
            return true;
          });
      EgressNetwork network = namespace.call(() -> EgressNetwork.open(plan()));
      assertThat(namespace.call(EgressNetworkTest::state)).doesNotContain("oifname != \"fish0\"");
      namespace.call(() -> restored(network));
      assertThat(namespace.call(EgressNetworkTest::state)).contains("forward 1 1");
    }
  }

  @Test
  void poolThatTheMachineUsesIsRefused() {
    try (Namespace namespace = Namespace.open()) {
      namespace.call(() -> sh("ip link set lo up; ip route add 100.100.0.0/16 dev lo"));
      assertThatThrownBy(() -> namespace.call(() -> EgressNetwork.open(plan())))
          .isInstanceOf(NetworkException.class)
          .hasMessageContaining("fish.pool 100.64.0.0/10 overlaps a route");
      namespace.call(() -> sh("ip route del 100.100.0.0/16; ip address add 100.64.0.9/32 dev lo"));
      assertThatThrownBy(() -> namespace.call(() -> EgressNetwork.open(plan())))
          .hasMessageContaining("contains an address of this machine");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.0.0.1/8", "10.0.0.0/33", "host/8", "2001:db8::1/64", "10.0.0.0/x"})
  void prefixesThatAreNoneAreNamed(String text) {
    assertThatThrownBy(() -> Prefix.parse(text)).hasMessageContaining(text);
  }

  @Test
  void prefixesAreReadAndWritten() {
    Prefix pool = Prefix.parse("100.64.0.0/10");
    assertThat(pool).hasToString("100.64.0.0/10");
    assertThat(pool.addresses(1 << 30)).isEqualTo(1 << 22);
    assertThat(pool.indexOf(0, 0xffff_6440_0005L)).isEqualTo(5);
    assertThat(pool.indexOf(0, 0xffff_0a00_0001L)).isEqualTo(-1);
    assertThat(Prefix.parse("fd6f:7862::/64")).hasToString("fd6f:7862::/64");
    assertThat(Prefix.parse("0.0.0.0/0").addresses(7)).isEqualTo(7);
  }

  private EgressNetwork.Plan plan() {
    List<PortSlice> slices =
        List.of(
            new PortSlice(0, 0xffff_cb00_7107L, 20_000, 20_999),
            new PortSlice(0x2001_0db8_0002_0000L, 7, 30_000, 30_999));
    return new EgressNetwork.Plan(
        "fish0",
        Prefix.parse("100.64.0.0/10"),
        Prefix.parse("fd6f:7862:6f77::/64"),
        slices,
        directory);
  }

  private static boolean restored(EgressNetwork network) {
    network.restore();
    return true;
  }

  private static String state() throws IOException {
    return sh(
        "ip route show table all | grep -v ff00::/8 | grep -v fe80; ip -6 route show table all |"
            + " grep -v ff00::/8 | grep -v fe80; nft list ruleset;"
            + " cd /proc/sys/net; echo forward $(cat ipv4/ip_forward)"
            + " $(cat ipv6/conf/all/forwarding); cat netfilter/*timeout* netfilter/*events");
  }

  private static String sh(String script) throws IOException {
    Process process = new ProcessBuilder("sh", "-c", script).redirectErrorStream(true).start();
    process.getOutputStream().close();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}

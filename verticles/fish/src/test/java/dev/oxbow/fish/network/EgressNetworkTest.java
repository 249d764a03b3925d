package dev.oxbow.fish.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.session.EgressStage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
@RequiresRoot
class EgressNetworkTest {
  private static final String SYS = "/proc/sys/net/";
  private static final EgressNetwork.Plan FISH_0 =
      plan("fish0", 1, "100.64.0.0/10", "fd6f:7862:6f77::/64");
  private static final EgressNetwork.Plan FISH_1 =
      plan("fish1", 2, "100.32.0.0/16", "fd6f:7862:7070::/64");

  @Test
  void whatIsSetUpIsPutBack() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      EgressNetwork network = open(namespace, FISH_0);
      assertThat(namespace.call(EgressNetworkTest::state))
          .contains("100.64.0.0/10 dev fish0", "blackhole 100.64.0.0/10", "table inet oxbow_fish0")
          .contains("203.0.113.7 . 20000-20999", "2001:db8:2::7 . 30000-30999")
          .contains("forward 1 1", restricted(4), restricted(6));
      assertThat(namespace.<Long>call(network::dropped)).isZero();
      restore(namespace, network);
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  @Test
  void afterCrashRulesStayAndTheNextLifePutsBackWhatWasBeforeTheFirst() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      for (int crash = 0; crash < 3; crash++) {
        open(namespace, FISH_0).close();
        assertThat(namespace.call(EgressNetworkTest::state))
            .contains("blackhole 100.64.0.0/10", "table inet oxbow_fish0")
            .contains(restricted(4), restricted(6))
            .doesNotContain("100.64.0.0/10 dev fish0");
      }
      restore(namespace, open(namespace, FISH_0));
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  @Test
  void whatSomebodyElseHasSetMeanwhileStays() {
    try (Namespace namespace = Namespace.open()) {
      EgressNetwork network = open(namespace, FISH_0);
      write(namespace, "netfilter/nf_conntrack_udp_timeout", "77");
      restore(namespace, network);
      assertThat(
              namespace.<String>call(() -> sh("cat " + SYS + "netfilter/nf_conntrack_udp_timeout")))
          .isEqualTo("77\n");
    }
  }

  /** Each version by itself, and a machine that forwards what comes in by one interface only. */
  @Test
  void machineForwardsForOthersWhatItForwardedBefore() {
    try (Namespace left = Namespace.open();
        Namespace middle = Namespace.open();
        Namespace right = Namespace.open()) {
      cable(middle, left, 1);
      cable(middle, right, 2);
      assertThat(reaches(left, 2, 4) || reaches(left, 2, 6)).isFalse();
      for (int on : new int[] {0, 4, 6}) {
        write(middle, "ipv4/ip_forward", on == 4 ? "1" : "0");
        write(middle, "ipv6/conf/all/forwarding", on == 6 ? "1" : "0");
        String before = middle.call(EgressNetworkTest::state);
        open(middle, FISH_0).close();
        for (int life = 0; life < 2; life++) {
          EgressNetwork network = open(middle, FISH_0);
          assertThat(middle.call(EgressNetworkTest::state)).contains("forward 1 1");
          for (int version : new int[] {4, 6}) {
            assertThat(reaches(left, 2, version)).as(on + " " + version).isEqualTo(on == version);
          }
          middle.call(
              () -> {
                network.reload();
                return true;
              });
          assertThat(reaches(left, 2, 10 - on)).isFalse();
          if (life == 0) {
            network.close();
          } else {
            restore(middle, network);
          }
        }
        assertThat(middle.call(EgressNetworkTest::state)).isEqualTo(before);
      }
    }
  }

  @Test
  void machineForwardsWhatComesInWhereItForwardedBefore() {
    try (Namespace left = Namespace.open();
        Namespace middle = Namespace.open();
        Namespace right = Namespace.open()) {
      cable(middle, left, 1);
      cable(middle, right, 2);
      write(middle, "ipv6/conf/all/forwarding", "0");
      write(middle, "ipv4/conf/out1/forwarding", "1");
      write(middle, "ipv4/conf/out2/forwarding", "1");
      write(middle, "ipv6/conf/out2/forwarding", "1");
      String before = middle.call(EgressNetworkTest::state);
      assertThat(before).contains("out1 1 0", "out2 1 1");
      assertThat(reaches(left, 2, 4)).isTrue();
      open(middle, FISH_0).close();
      EgressNetwork network = open(middle, FISH_0);
      assertThat(reaches(left, 2, 4)).isTrue();
      assertThat(reaches(left, 2, 6)).isFalse();
      restore(middle, network);
      assertThat(middle.call(EgressNetworkTest::state)).isEqualTo(before);
      assertThat(reaches(left, 2, 4)).isTrue();
    }
  }

  @Test
  void twoInOneNamespaceShareWhatIsTheMachines() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      EgressNetwork first = open(namespace, FISH_0);
      String alone = namespace.call(EgressNetworkTest::state);
      EgressNetwork second = open(namespace, FISH_1);
      assertThat(namespace.call(EgressNetworkTest::state))
          .contains("table inet oxbow_fish0", "table inet oxbow_fish1", "forward 1 1")
          .containsOnlyOnce(restricted(4))
          .containsOnlyOnce(restricted(6));
      second.close();
      // The first does not take away what the crashed one will need, and the last puts back.
      restore(namespace, first);
      assertThat(namespace.call(EgressNetworkTest::state))
          .contains("forward 1 1", "blackhole 100.32.0.0/16", "table inet oxbow_fish1")
          .contains(restricted(4), restricted(6))
          .doesNotContain("fish0");
      EgressNetwork again = open(namespace, FISH_1);
      first = open(namespace, FISH_0);
      restore(namespace, again);
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(alone);
      restore(namespace, first);
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  @Test
  void secondThatWouldDisturbTheFirstIsRefusedAndChangesNothing() {
    try (Namespace namespace = Namespace.open()) {
      EgressNetwork first = open(namespace, FISH_0);
      String before = namespace.call(EgressNetworkTest::state);
      refused(namespace, FISH_0, "has an interface fish0 already, perhaps of another Fish");
      refused(
          namespace, plan("fish1", 1, "100.32.0.0/16", "fd6f:7862:7070::/64"), "fish.mark 1 is");
      refused(namespace, plan("fish1", 2, "100.64.0.0/10", "fd6f:7862:7070::/64"), "100.64.0.0/10");
      refused(namespace, plan("fish1", 2, "100.32.0.0/16", "fd6f:7862:6f77::/64"), "fd6f:7862:6f");
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
      first.close();
      // The blackhole of a crashed one counts, too.
      refused(namespace, plan("fish1", 2, "100.64.0.0/16", "fd6f:7862:7070::/64"), "100.64.0.0/16");
      refused(
          namespace, plan("fish1", 1, "100.32.0.0/16", "fd6f:7862:7070::/64"), "fish.mark 1 is");
      restore(namespace, open(namespace, FISH_0));
    }
  }

  /** Which any user of the machine can do. */
  @Test
  void lockOnTheFileOfTheNamespaceIsInNobodysWay() {
    try (Namespace namespace = Namespace.open();
        Descriptor file = namespace.call(Namespace::ofThread)) {
      assertThat(Syscalls.tryLock(file.fd())).isTrue();
      restore(namespace, open(namespace, FISH_0));
    }
  }

  @Test
  void whoeverSetsUpDoesSoAloneAndLeavesNothing() {
    try (Namespace namespace = Namespace.open();
        Namespace same = Namespace.adopt(namespace.descriptor().duplicate())) {
      String before = namespace.call(EgressNetworkTest::links);
      CompletableFuture<EgressNetwork> second;
      try (Tun first = namespace.call(() -> Tun.open(Company.LOCK, false))) {
        CountDownLatch begun = new CountDownLatch(1);
        second =
            same.submit(
                () -> {
                  begun.countDown();
                  return EgressNetwork.open(FISH_0);
                });
        Await.until("it has begun", () -> begun.getCount() == 0);
        assertThat(namespace.call(EgressNetworkTest::links)).contains(first.name());
        assertThat(namespace.call(EgressNetworkTest::state)).doesNotContain("table inet");
        assertThat(second).isNotDone();
      }
      EgressNetwork network = second.join();
      assertThat(namespace.call(EgressNetworkTest::links))
          .contains("fish0")
          .doesNotContain(Company.LOCK);
      restore(namespace, network);
      assertThat(namespace.call(EgressNetworkTest::links)).isEqualTo(before);
    }
  }

  private static String links() throws IOException {
    return sh("ip -o link show | cut -d: -f2; ls /proc/sys/net/ipv4/conf");
  }

  @Test
  void otherPoolsAndAnotherMarkAfterACrashLeaveNothingOfTheFormer() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      open(namespace, FISH_0).close();
      String entry = "conntrack -I -p udp -s 100.64.0.1 -d 198.51.100.9 --sport 5 --dport 9 -t 60 ";
      EgressStage.in(namespace, entry + "-m 1", entry.replace("sport 5", "sport 6") + "-m 9");
      // Within the former one, whose blackhole is not somebody else's route.
      EgressNetwork network =
          open(namespace, plan("fish0", 7, "100.64.0.0/16", "fd6f:7862:6f78::/64"));
      assertThat(namespace.call(EgressNetworkTest::state))
          .contains("blackhole 100.64.0.0/16", "blackhole fd6f:7862:6f78::/64", "mark 7")
          .doesNotContain("100.64.0.0/10", "fd6f:7862:6f77");
      assertThat(EgressStage.in(namespace, "conntrack -L 2>/dev/null"))
          .contains("mark=9")
          .doesNotContain("mark=1 ");
      EgressStage.in(namespace, "conntrack -F");
      restore(namespace, network);
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  @Test
  void whatCannotBeSetUpLeavesNothing() {
    try (Namespace namespace = Namespace.open()) {
      String before = namespace.call(EgressNetworkTest::state);
      refused(namespace, plan("fish%d", 1, "100.64.0.0/10", "fd6f:7862:6f77::/64"), "fish%d");
      assertThat(namespace.call(EgressNetworkTest::state)).isEqualTo(before);
    }
  }

  private static void refused(Namespace namespace, EgressNetwork.Plan plan, String why) {
    assertThatThrownBy(() -> open(namespace, plan)).hasMessageContaining(why);
  }

  /** A neighbour of a namespace's, at 10.n.0.2 and fdn::2, whose packets all go there. */
  private static void cable(Namespace middle, Namespace neighbour, int n) {
    String peer = "/proc/" + ProcessHandle.current().pid() + "/fd/" + neighbour.descriptor().fd();
    EgressStage.in(
        middle,
        "ip link add out" + n + " type veth peer name in0 netns " + peer,
        "ip address add 10." + n + ".0.1/24 dev out" + n,
        "ip address add fd0" + n + "::1/64 dev out" + n + " nodad",
        "ip link set out" + n + " up");
    EgressStage.in(
        neighbour,
        "ip address add 10." + n + ".0.2/24 dev in0",
        "ip address add fd0" + n + "::2/64 dev in0 nodad",
        "ip link set in0 up",
        "ip route add default via 10." + n + ".0.1",
        "ip -6 route add default via fd0" + n + "::1");
  }

  private static boolean reaches(Namespace from, int n, int version) {
    String host = version == 4 ? "10." + n + ".0.2" : "fd0" + n + "::2";
    return from.<String>call(() -> sh("ping -c 3 -i 0.1 -W 0.3 " + host + " 2>&1 || true"))
        .contains(" bytes from ");
  }

  @Test
  void poolThatTheMachineUsesIsRefused() {
    try (Namespace namespace = Namespace.open()) {
      namespace.call(() -> sh("ip link set lo up; ip route add 100.100.0.0/16 dev lo"));
      assertThatThrownBy(() -> open(namespace, FISH_0))
          .isInstanceOf(NetworkException.class)
          .hasMessageContaining("fish.pool 100.64.0.0/10 overlaps a route");
      namespace.call(() -> sh("ip route del 100.100.0.0/16; ip address add 100.64.0.9/32 dev lo"));
      assertThatThrownBy(() -> open(namespace, FISH_0))
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

  private static EgressNetwork.Plan plan(String device, int mark, String pool4, String pool6) {
    return new EgressNetwork.Plan(
        device,
        mark,
        Prefix.parse(pool4),
        Prefix.parse(pool6),
        List.of(
            new PortSlice(0, 0xffff_cb00_7107L, 20_000, 20_999),
            new PortSlice(0x2001_0db8_0002_0000L, 7, 30_000, 30_999)));
  }

  private static EgressNetwork open(Namespace namespace, EgressNetwork.Plan plan) {
    return namespace.call(() -> EgressNetwork.open(plan));
  }

  private static void restore(Namespace namespace, EgressNetwork network) {
    namespace.call(
        () -> {
          network.restore();
          return true;
        });
  }

  private static void write(Namespace namespace, String setting, String value) {
    namespace.call(() -> Files.writeString(Path.of(SYS + setting), value));
  }

  private static String restricted(int version) {
    return "meta nfproto ipv" + version + " iifname != @ours oifname != @ours counter";
  }

  private static String state() throws IOException {
    return sh(
        "ip route show table all | grep -v ff00::/8 | grep -v fe80; ip -6 route show table all |"
            + " grep -v ff00::/8 | grep -v fe80; nft list ruleset |"
            + " sed 's/packets [0-9]* bytes [0-9]*//';"
            + " cd /proc/sys/net; echo forward $(cat ipv4/ip_forward)"
            + " $(cat ipv6/conf/all/forwarding); cat netfilter/*timeout* netfilter/*events;"
            + " cd ipv4/conf; for i in [a-eg-z]*; do echo $i $(cat $i/forwarding)"
            + " $(cat ../../ipv6/conf/$i/forwarding) $(cat ../../ipv6/conf/$i/accept_ra); done");
  }

  private static String sh(String script) throws IOException {
    Process process = new ProcessBuilder("sh", "-c", script).redirectErrorStream(true).start();
    process.getOutputStream().close();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}

package dev.oxbow.app.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.runtime.StartException;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

@DescriptorLeaks
@RequiresRoot
class TunDeviceTest {

  /** As long as the name of an interface may be. */
  private static final String NAME = "fifteen-letters";

  private static TunOptions options(Namespace namespace, String... addresses) {
    String file = "/proc/self/fd/" + namespace.descriptor().fd();
    List<String> arguments = new ArrayList<>(List.of("--tun", NAME, "--netns", file));
    for (String address : addresses) {
      arguments.addAll(List.of("--address", address));
    }
    return CommandLine.populateCommand(new TunOptions(), arguments.toArray(String[]::new));
  }

  private static List<String> addresses4(Namespace namespace) {
    return namespace.call(
        () ->
            NetworkInterface.getByName(NAME).getInterfaceAddresses().stream()
                .filter(each -> each.getAddress().getAddress().length == 4)
                .map(each -> new Prefix(each.getAddress(), each.getNetworkPrefixLength()))
                .map(Prefix::toString)
                .toList());
  }

  private static String addresses6(Namespace namespace) {
    return namespace.call(() -> Files.readString(Path.of("/proc/thread-self/net/if_inet6")));
  }

  @Test
  void whatIsNotTcpIsRoutedToTunOfItsOwn() {
    try (Namespace namespace = Namespace.open()) {
      String file = "/proc/self/fd/" + namespace.descriptor().fd();
      TunOptions options =
          CommandLine.populateCommand(
              new TunOptions(),
              "--tun",
              "tun0",
              "--netns",
              file,
              "--address",
              "10.7.0.2/24",
              "--egress",
              "203.0.113.7:20000-20999");
      assertThat(options.problem()).isNull();
      try (Descriptor tcp = TunDevice.open(options);
          Descriptor others = TunDevice.openEgress(options)) {
        assertThat(tcp).isNotNull();
        assertThat(others).isNotNull();
        assertThat(TunDevice.openEgress(options)).isNull();
        run(namespace, "ip link set lo up && ip route add default dev tun0");
        run(namespace, "ip route add 192.0.2.0/24 dev lo");
        String to = "ip route get 198.51.100.9 ipproto ";
        assertThat(run(namespace, to + "tcp")).contains("dev tun0 ");
        assertThat(run(namespace, to + "udp")).contains("dev tun0-out ", "src 10.7.0.2");
        assertThat(run(namespace, to + "icmp")).contains("dev tun0-out ");
        assertThat(run(namespace, "ip route get 192.0.2.1 ipproto udp")).contains("dev lo ");
        assertThat(run(namespace, "ip -6 rule")).doesNotContain("7700");
      }
      assertThat(run(namespace, "ip route get 198.51.100.9 ipproto udp || true"))
          .doesNotContain("tun0");
    }
  }

  private static String run(Namespace namespace, String command) {
    return namespace.call(
        () -> {
          Process process =
              new ProcessBuilder("sh", "-c", command).redirectErrorStream(true).start();
          String said = new String(process.getInputStream().readAllBytes(), UTF_8);
          assertThat(process.waitFor()).as(said).isZero();
          return said;
        });
  }

  @Test
  void optionsThatDoNotFitAreNamed() {
    assertThat(parsed("--tun", "tun0", "--egress-tcp").problem()).contains("needs --egress");
    assertThat(parsed("--tun", "tun0", "--egress", "203.0.113.7:9").problem()).contains("--netns");
    assertThat(parsed("--tun", NAME, "--netns", "/x", "--egress", "[2001:db8::7]:1-9").problem())
        .contains("at most 11");
    assertThat(parsed("--tun", NAME, "--egress", "203.0.113.7:9", "--egress-tcp").problem())
        .isNull();
    for (String wrong :
        new String[] {"203.0.113.7", "2001:db8::7:9", "host:9", "203.0.113.7:9-1"}) {
      assertThatThrownBy(() -> parsed("--tun", "tun0", "--egress", wrong))
          .hasMessageContaining(wrong);
    }
  }

  private static TunOptions parsed(String... arguments) {
    return CommandLine.populateCommand(new TunOptions(), arguments);
  }

  @Test
  void everyAddressStays() {
    try (Namespace namespace = Namespace.open()) {
      String[] all = {"10.7.0.2/24", "fd00:7::2/64", "10.8.0.2/16", "10.7.0.3/24", "fd00:8::2/64"};
      try (Descriptor flow = TunDevice.open(options(namespace, all))) {
        assertThat(flow).isNotNull();
        assertThat(addresses4(namespace))
            .containsExactlyInAnyOrder("10.7.0.2/24", "10.8.0.2/16", "10.7.0.3/24");
        assertThat(addresses6(namespace))
            .contains("fd000007000000000000000000000002 ", "fd000008000000000000000000000002 ");
      }
    }
  }

  @Test
  void addressThatItHasIsLeft() {
    try (Namespace namespace = Namespace.open();
        Descriptor flow = TunDevice.open(options(namespace, "10.7.0.2/24", "10.7.0.2/24"))) {
      assertThat(flow).isNotNull();
      assertThat(addresses4(namespace)).containsExactly("10.7.0.2/24");
    }
  }

  @Test
  void tunThatSomebodyUsesIsNull() {
    try (Namespace namespace = Namespace.open();
        Descriptor flow = TunDevice.open(options(namespace))) {
      assertThat(flow).isNotNull();
      assertThat(TunDevice.open(options(namespace))).isNull();
    }
  }

  @Test
  void tunThatIsThereAndThatNobodyUsesIsTakenOver() {
    try (Namespace namespace = Namespace.open()) {
      // As a service manager makes it, with an address that it keeps.
      run(namespace, "ip tuntap add dev " + NAME + " mode tun vnet_hdr");
      run(namespace, "ip address add 10.9.0.1/24 dev " + NAME);
      for (int i = 0; i < 2; i++) {
        try (Descriptor flow = TunDevice.open(options(namespace, "10.7.0.2/24"))) {
          assertThat(flow).isNotNull();
          assertThat(TunDevice.open(options(namespace))).isNull();
          assertThat(addresses4(namespace)).containsExactlyInAnyOrder("10.9.0.1/24", "10.7.0.2/24");
          assertThat(run(namespace, "ip link show " + NAME)).contains("mtu 1500", ",UP,");
        }
      }
      assertThat(run(namespace, "ip -br link show " + NAME)).contains(NAME);
    }
  }

  @Test
  void addressThatCannotBeIsNamed() {
    try (Namespace namespace = Namespace.open()) {
      TunOptions options = options(namespace, "ff02::1/64");
      assertThatThrownBy(() -> TunDevice.open(options))
          .isInstanceOf(StartException.class)
          .hasMessageContaining(options.label())
          .hasMessageContaining("the address ff02:0:0:0:0:0:0:1/64: E");
    }
  }
}

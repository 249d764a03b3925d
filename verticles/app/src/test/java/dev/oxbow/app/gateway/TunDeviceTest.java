package dev.oxbow.app.gateway;

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

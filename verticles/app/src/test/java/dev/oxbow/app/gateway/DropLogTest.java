package dev.oxbow.app.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.service.flow.PacketCounts;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class DropLogTest {
  private final DropLog drops = new DropLog("one");

  private static TunnelPage.Entry tunnel(String id, String metadata, long notTcp) {
    Map<String, Long> dropped = Map.of("not-tcp", notTcp);
    return new TunnelPage.Entry(id, 0, new PacketCounts(0, 0, dropped), 0, 0, RawJson.of(metadata));
  }

  private static TunnelPage.Entry own(String id, long notTcp) {
    return tunnel(id, Gateway.metadata("one", id + "/tun0").encode(), notTcp);
  }

  @Test
  void saysWhatEachTunnelOfTheAppDroppedSinceTheLastLook() {
    assertThat(drops.lines(List.of(own("a", 3), own("b", 0))))
        .containsExactly("a/tun0: dropped 3 not-tcp");
    assertThat(drops.lines(List.of(own("a", 3), own("b", 2))))
        .containsExactly("b/tun0: dropped 2 not-tcp");
  }

  @Test
  void forgetsTunnelsThatHaveEnded() {
    assertThat(drops.lines(List.of(own("a", 3)))).hasSize(1);
    assertThat(drops.lines(List.of(own("a", 3)))).isEmpty();
    assertThat(drops.lines(List.of())).isEmpty();
    assertThat(drops.lines(List.of(own("a", 3)))).hasSize(1);
  }

  @Test
  void saysNothingOfTheTunnelsOfOthers() {
    String two = Gateway.metadata("two", "a/tun0").encode();
    assertThat(
            drops.lines(
                List.of(tunnel("x", two, 9), tunnel("y", "7", 9), tunnel("z", "{\"tun\":5}", 9))))
        .isEmpty();
  }
}

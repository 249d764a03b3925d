package dev.oxbow.app.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.app.forward.AccessLog;
import dev.oxbow.app.forward.Attempts;
import dev.oxbow.app.forward.ForwardLimits;
import dev.oxbow.app.forward.LogFormat;
import dev.oxbow.app.forward.ServiceSource;
import dev.oxbow.app.forward.SplicedConnections;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.bumblebee.TunnelConnection;
import dev.oxbow.bumblebee.TunnelPage;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.flow.PacketCounts;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a gateway hands over beside connections. */
@DescriptorLeaks
class GatewayStoreTest {
  private Vertx vertx;
  private Context context;
  private Splicer splicer;

  @BeforeEach
  void start() throws Exception {
    vertx = NativeVertx.open(1);
    context = vertx.getOrCreateContext();
    splicer =
        ServiceSource.await(
            ServiceSource.splicer(null, "a", ServiceSource.options(Path.of("/run/x")))
                .open(vertx, Map.of()));
  }

  @AfterEach
  void stop() throws Exception {
    splicer.close().await(10, TimeUnit.SECONDS);
    vertx.close().await(10, TimeUnit.SECONDS);
  }

  private Gateway gateway(String... tuns) {
    AccessLog log =
        new AccessLog(LogFormat.TEXT, OutputStream.nullOutputStream(), Clock.systemUTC());
    Attempts attempts =
        new Attempts(context, new SplicedConnections(splicer, log, new ForwardLimits()), 1000);
    var nobody = vertx.eventBus().<TunnelConnection>localConsumer("nobody").bodyStream();
    return new Gateway(
        DescriptorLoop.of(context), List.of(tuns), nobody, attempts, new DropLog("app"));
  }

  private static TunnelPage.Entry dropped(long notTcp) {
    RawJson metadata = RawJson.of(Gateway.metadata("app", "a/tun0").encode());
    return new TunnelPage.Entry(
        "t1", 0, new PacketCounts(0, 0, Map.of("not-tcp", notTcp)), 0, 0, metadata);
  }

  /** Freezes a gateway and makes another of what it gives out. */
  private void handOver(Gateway from, Gateway to) throws Exception {
    try (Cargo lent = ServiceSource.await(from.freeze());
        Cargo given = new Cargo()) {
      lent.names().forEach(name -> given.give(name, lent.get(name).duplicate()));
      GatewayStore.restore(to, given);
    }
  }

  @Test
  void whatWasToldOfDropsIsNotToldAgain() throws Exception {
    Gateway from = gateway("a/tun0", "b/tun0");
    assertThat(from.drops().lines(List.of(dropped(3))))
        .containsExactly("a/tun0: dropped 3 not-tcp");
    Gateway to = gateway("a/tun0", "b/tun0");
    handOver(from, to);
    assertThat(to.drops().lines(List.of(dropped(5)))).containsExactly("a/tun0: dropped 2 not-tcp");
  }

  @Test
  void gatewayOfOtherTunsIsRefused() {
    Gateway from = gateway("a/tun0");
    assertThatThrownBy(() -> handOver(from, gateway("a/tun1")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("--tun is [a/tun1], and the process before has [a/tun0]");
  }
}

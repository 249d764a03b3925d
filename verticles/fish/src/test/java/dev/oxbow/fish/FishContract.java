package dev.oxbow.fish;

import static dev.oxbow.fish.session.EgressStage.OUTER;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.service.flow.EndReason;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that a Fish promises to Java programs, wherever its sessions are. */
@DescriptorLeaks
@RequiresRoot
abstract class FishContract {
  private static final int PATIENCE_SECONDS = 10;
  private static final String DESTINATION = SERVER + ":5353";

  @TempDir Path directory;
  Vertx vertx;
  Fish fish;
  private OxbowOptions options;
  private Namespace middle;

  /** Starts what is tested, in a network namespace. */
  abstract Future<Fish> open(Vertx in, OxbowOptions options, Namespace namespace);

  /** Goes on with what another process has handed over. */
  abstract Future<Fish> inherit(Vertx in, OxbowOptions options, Cargo cargo, Namespace namespace);

  /** As if its process had ended, after it has handed over. */
  abstract Future<Void> leave(Fish predecessor);

  @BeforeEach
  void open() {
    middle = Namespace.open();
    vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    options =
        new OxbowOptions(directory)
            .setFish(
                new FishOptions()
                    .setMaxFlows(1024)
                    .setMaxClients(100)
                    .setEgress(
                        List.of(
                            Grant.of(OUTER, "20000-20999"),
                            Grant.of("2001:db8:2::7", "20000-20999"))));
    fish = EpollVertx.await(open(vertx, options, middle));
  }

  @AfterEach
  void close() {
    EpollVertx.await(fish.close());
    EpollVertx.await(vertx.close());
    assertThat(EgressStage.in(middle, "nft list ruleset")).isEmpty();
    middle.close();
  }

  /** A flow whose other end is kept. */
  record Pair(Descriptor flow, Descriptor other) {
    static Pair open() {
      List<Descriptor> ends = EgressStage.packetPair();
      return new Pair(ends.get(0), ends.get(1));
    }
  }

  static EgressRequest request(Descriptor flow, String ports) {
    return new EgressRequest(flow, List.of(Grant.of(OUTER, ports)));
  }

  private FishException refusal(EgressRequest request) {
    return catchThrowableOfType(FishException.class, () -> EpollVertx.await(fish.egress(request)));
  }

  @Test
  void packetsLeaveFromWhereTheyShouldAndTheirOwnerIsFound() throws Exception {
    BlockingQueue<Exhaustion> exhausted = new LinkedBlockingQueue<>();
    fish.exhaustedHandler(exhausted::add);
    try (Namespace server = Namespace.open();
        Namespace client = Namespace.open();
        Tun tun = EgressStage.clientTun(client, 1500);
        DatagramSocket here = client.call(() -> new DatagramSocket(4000));
        DatagramSocket second = client.call(() -> new DatagramSocket())) {
      EgressStage.wire(middle, server);
      EgressSession session =
          EpollVertx.await(
              fish.egress(
                  request(tun.descriptor().duplicate(), "20007")
                      .setMapping(Mapping.ENDPOINT_INDEPENDENT)
                      .setMetadata("m")));
      assertThat(session.resumed()).isZero();
      try (DatagramSocket there =
          server.call(() -> new DatagramSocket(new InetSocketAddress(SERVER, 5353)))) {
        assertThat(FishProtocolTest.ask(here, there)).isEqualTo(20_007);
        PortOwner owner = EpollVertx.await(fish.lookup(query(20_007)));
        assertThat(owner.session()).isEqualTo(session.id());
        assertThat(owner.client()).isEqualTo("10.0.0.2:4000");
        assertThat(owner.metadata()).hasToString("\"m\"");
        assertThat(owner.sinceMs()).isLessThanOrEqualTo(System.currentTimeMillis());
        second.send(new DatagramPacket(new byte[1], 1, there.getLocalSocketAddress()));
        assertThat(exhausted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS))
            .isEqualTo(new Exhaustion(session.id(), OUTER, "20007-20007", DESTINATION));
      }
      SessionPage page = EpollVertx.await(fish.list(null, 10));
      assertThat(page.next()).isNull();
      SessionPage.Entry entry = page.sessions().get(0);
      assertThat(entry.session()).isEqualTo(session.id());
      assertThat(entry.flows()).isEqualTo(1);
      assertThat(entry.packets().in()).isPositive();
      assertThat(entry.packets().out()).isPositive();
      assertThat(entry.metadata()).hasToString("\"m\"");
      assertThat(EpollVertx.await(fish.stats()).getInteger("sessions")).isEqualTo(1);
      EpollVertx.await(fish.abort(session.id()));
      try (SessionReport report = EpollVertx.await(session.closed())) {
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
        assertThat(report.packets().dropped()).containsKey("exhausted");
        assertThat(report.metadata()).hasToString("\"m\"");
        assertThat(Tun.flags(report.flow().fd()) & Tun.IFF_TUN).isNotZero();
      }
      assertThat(lookupRefused(query(20_007)).code()).isEqualTo(ErrorCode.NOT_FOUND);
    }
  }

  private static PortQuery query(int port) {
    return new PortQuery("udp", OUTER, port, DESTINATION);
  }

  private FishException lookupRefused(PortQuery query) {
    return catchThrowableOfType(FishException.class, () -> EpollVertx.await(fish.lookup(query)));
  }

  @Test
  void whatIsRefusedIsNamedAndStaysItsOwners() {
    Pair pair = Pair.open();
    try (Descriptor flow = pair.flow) {
      FishException refusal = refusal(request(flow, "19000-19999"));
      assertThat(refusal.code()).isEqualTo(ErrorCode.NOT_AUTHORIZED);
      assertThat(refusal.outcomeOpen()).isFalse();
      EgressSession session =
          EpollVertx.await(fish.egress(request(flow.duplicate(), "20000-20999").setResume("a")));
      assertThat(refusal(request(flow, "20000-20999"))).hasMessageContaining("flow: given before");
      Pair second = Pair.open();
      assertThat(refusal(request(second.flow, "20000-20999").setResume("a")))
          .hasMessageContaining("resume");
      Descriptor.closeAll(List.of(second.flow, second.other));
      assertThat(refusal(request(second.flow, "20000-20999")).code())
          .isEqualTo(ErrorCode.BAD_DESCRIPTORS);
      assertThat(flow.isOpen()).isTrue();
      FishException unknown =
          catchThrowableOfType(FishException.class, () -> EpollVertx.await(fish.abort("zz")));
      assertThat(unknown.code()).isEqualTo(ErrorCode.NOT_FOUND);
      assertThat(lookupRefused(new PortQuery("icmp", OUTER, 1, DESTINATION)))
          .hasMessageContaining("protocol");
      assertThat(lookupRefused(new PortQuery("tcp", "here", 1, DESTINATION)))
          .hasMessageContaining("address");
      assertThat(lookupRefused(new PortQuery("tcp", OUTER, 1, "2001:db8::1:80")))
          .hasMessageContaining("destination");
      Descriptor.closeAll(List.of(pair.other));
      try (SessionReport report = EpollVertx.await(session.closed())) {
        assertThat(report.reason()).isEqualTo(EndReason.EOF);
      }
    }
  }

  /** The report of a session that another object opened comes to whoever asks for such. */
  final void assertUnclaimed(EgressSession session, Pair pair) {
    Promise<SessionReport> report = Promise.promise();
    fish.unclaimedHandler(report::complete);
    Descriptor.closeAll(List.of(pair.other));
    try (SessionReport closed = EpollVertx.await(report.future())) {
      assertThat(closed.session()).isEqualTo(session.id());
      assertThat(closed.reason()).isEqualTo(EndReason.EOF);
    }
  }

  @Test
  void nextProcessGoesOnWithSessions() {
    Pair pair = Pair.open();
    EgressSession session = EpollVertx.await(fish.egress(request(pair.flow, "20000-20999")));
    Transferable old = fish.transferable();
    try (Cargo lent = EpollVertx.await(old.freeze());
        Cargo given = new Cargo()) {
      lent.names().forEach(name -> given.give(name, lent.get(name).duplicate()));
      Fish heir = EpollVertx.await(inherit(vertx, options, given, middle));
      Transferable next = heir.transferable();
      for (int group = 0; group < old.groups(); group++) {
        EpollVertx.await(old.freeze(group));
        EpollVertx.await(next.thaw(group));
      }
      EpollVertx.await(next.thaw());
      EpollVertx.await(leave(fish));
      fish = heir;
    }
    assertThat(EpollVertx.await(SessionPage.all(fish, 10)))
        .extracting(SessionPage.Entry::session)
        .containsExactly(session.id());
    assertUnclaimed(session, pair);
  }

  @Test
  void allSessionsAreListedPageAfterPage() {
    List<EgressSession> sessions = new ArrayList<>();
    List<Descriptor> others = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Pair pair = Pair.open();
      others.add(pair.other);
      sessions.add(EpollVertx.await(fish.egress(request(pair.flow, "20000-20999"))));
    }
    for (int limit : new int[] {1, 2, 3, Fish.MAX_PAGE}) {
      assertThat(EpollVertx.await(SessionPage.all(fish, limit)))
          .extracting(SessionPage.Entry::session)
          .isEqualTo(sessions.stream().map(EgressSession::id).toList());
    }
    Descriptor.closeAll(others);
    sessions.forEach(session -> EpollVertx.await(session.closed()).close());
  }
}

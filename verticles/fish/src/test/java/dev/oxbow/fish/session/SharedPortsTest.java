package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.MARK;
import static dev.oxbow.fish.session.EgressStage.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.partner.SharedPorts;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import io.vertx.core.Future;
import java.io.IOException;
import java.net.DatagramSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a partner has a say, packets leave from where they may, as long as they may. */
@DescriptorLeaks
@RequiresRoot
class SharedPortsTest {
  /** Of the slice 20000-20099: ports 20032-20095, and the four from 20096 on. */
  private static final int LONG = 20_032 / 64;

  private static final int SHORT = 20_096 / 64;

  @TempDir Path directory;
  private EgressStage stage;
  private Peers peers;
  private Client client;
  private DatagramSocket server;
  private Told partner;
  private final AtomicLong boot = new AtomicLong(1_000);
  private final List<DatagramSocket> sockets = new ArrayList<>();

  /** A partner that does as the test says. */
  private static final class Told implements Partner {
    final SharedPorts ports;
    int thaws;
    int freezes;
    final AtomicInteger ticks = new AtomicInteger();
    final AtomicInteger shortages = new AtomicInteger();

    Told(SharedPorts ports) {
      this.ports = ports;
    }

    /** The number of a block of the IPv4 address. */
    int block(int index) {
      for (int block = 0; block < ports.count(); block++) {
        if (ports.high(block) == 0 && ports.index(block) == index) {
          return block;
        }
      }
      throw new AssertionError("no block " + index);
    }

    @Override
    public void thaw() {
      thaws++;
    }

    @Override
    public void freeze() {
      freezes++;
    }

    @Override
    public void tick() {
      ticks.incrementAndGet();
    }

    @Override
    public void ranShort(long high, long low) {
      shortages.incrementAndGet();
    }

    @Override
    public PartnerLink link() {
      throw new UnsupportedOperationException("a Fish without a link");
    }

    @Override
    public void stats(MessageWriter out) {
      out.number("ticks", ticks.get());
    }

    @Override
    public Future<Void> close(boolean inOrder) {
      return Future.succeededFuture();
    }
  }

  @BeforeEach
  void open() throws IOException {
    stage = new EgressStage(directory);
    peers = new Peers(stage);
    server = peers.bind(SERVER);
    partner =
        stage.vertx.call(
            () -> {
              stage.plane.freeze();
              Told made = stage.plane.pair(Told::new, true, boot::get);
              stage.plane.thaw();
              return made;
            });
    client = stage.client(Mapping.PER_DESTINATION, 1500);
  }

  @AfterEach
  void close() {
    sockets.forEach(DatagramSocket::close);
    server.close();
    stage.close();
  }

  private void allow(int index, boolean own, long begin, long use) {
    stage.vertx.run(() -> partner.ports.allow(partner.block(index), own, begin, use));
  }

  private boolean unused(int index) {
    return stage.vertx.call(() -> partner.ports.unused(partner.block(index)));
  }

  private DatagramSocket socket() {
    DatagramSocket socket = client.namespace().call(() -> new DatagramSocket());
    sockets.add(socket);
    return socket;
  }

  private int ask() throws IOException {
    return Peers.ask(socket(), server);
  }

  private void refused(DatagramSocket socket, String why) throws IOException {
    long before = dropped(why);
    socket.send(Peers.packet("x", server));
    Await.until("it is dropped: " + why, () -> dropped(why) > before);
  }

  private long dropped(String why) {
    return client.session().packets().dropped().getOrDefault(why, 0L);
  }

  private long entries() {
    String all = EgressStage.in(stage.middle, "conntrack -L -m " + MARK + " 2>/dev/null");
    return all.lines().filter(line -> !line.isBlank()).count();
  }

  @Test
  void ownBlocksAreUsedFirstThenLentOnesAndTheRestIsLeftAlone() throws IOException {
    assertThat(partner.thaws).isEqualTo(1);
    refused(socket(), "exhausted");
    assertThat(partner.shortages.get()).isEqualTo(1);
    allow(LONG, false, SharedPorts.FOREVER, SharedPorts.FOREVER);
    allow(SHORT, true, SharedPorts.FOREVER, SharedPorts.FOREVER);
    for (int i = 0; i < 4; i++) {
      assertThat(ask() / 64).isEqualTo(SHORT);
    }
    assertThat(unused(LONG)).isTrue();
    assertThat(ask() / 64).isEqualTo(LONG);
    assertThat(unused(LONG)).isFalse();
    assertThat(partner.shortages.get()).isEqualTo(1);
  }

  @Test
  void lentBlockDrainsAndIsLeftAtTheEndOfItsTermByTheKernelToo() throws IOException {
    allow(LONG, false, 2_000, 3_000);
    DatagramSocket old = socket();
    int port = Peers.ask(old, server);
    boot.set(2_000);
    refused(socket(), "exhausted");
    assertThat(Peers.ask(old, server)).isEqualTo(port);
    boot.set(3_000);
    refused(old, "loan-over");
    assertThat(entries()).isEqualTo(1);
    stage.vertx.run(() -> partner.ports.end(partner.block(LONG)));
    Await.until("the kernel's entry is gone", () -> entries() == 0);
    assertThat(unused(LONG)).as("a port that rests").isFalse();
    // The client's port is free for another one of its own, which is there by now.
    allow(SHORT, true, SharedPorts.FOREVER, SharedPorts.FOREVER);
    assertThat(Peers.ask(old, server) / 64).isEqualTo(SHORT);
    stage.later(TimeUnit.SECONDS.toNanos(121));
    Await.until("it has rested", () -> unused(LONG));
  }

  @Test
  void connectionsThatMayNotGoOnEndWhenThePlaneThaws() throws IOException {
    allow(LONG, false, SharedPorts.FOREVER, SharedPorts.FOREVER);
    ask();
    int ticks = partner.ticks.get();
    Await.until("time passes", () -> partner.ticks.get() > ticks + 1);
    stage.vertx.run(
        () -> {
          stage.plane.freeze();
          partner.ports.allow(partner.block(LONG), false, 0, 0);
          stage.plane.thaw();
        });
    assertThat(partner.freezes).isEqualTo(1);
    assertThat(partner.thaws).isEqualTo(2);
    Await.until("the kernel's entry is gone", () -> entries() == 0);
  }
}

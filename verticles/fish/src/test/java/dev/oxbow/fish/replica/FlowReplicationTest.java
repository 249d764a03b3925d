package dev.oxbow.fish.replica;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What one Fish tells of its connections is what the other one keeps. */
@DescriptorLeaks
class FlowReplicationTest {
  private static final int HISTORIES = 60;
  private static final int STEPS = 300;
  private static final int RECENT = 40;
  private static final int FLIPS = 20_000;

  private final Teller teller = new Teller(true);
  private final List<Integer> moved = new ArrayList<>();
  private final List<Integer> ended = new ArrayList<>();
  private FlowReplica replica = FlowReplica.open(Teller.FLOWS, Teller.SESSIONS);
  private FlowImport imports = new FlowImport(replica, new Heard());
  private int completed;
  private int silentMs;
  private int last;
  private long rounds = 100;

  private final class Heard implements FlowImport.Listener {
    @Override
    public void moved(FlowImage flow) {
      moved.add(flow.flow());
    }

    @Override
    public void ended(FlowImage flow) {
      ended.add(flow.flow());
    }

    @Override
    public void complete() {
      completed++;
    }

    @Override
    public void begun() {}

    @Override
    public void soon(int ms) {
      silentMs = ms;
    }
  }

  @AfterEach
  void close() {
    teller.close();
    replica.close();
  }

  /** Takes in what was told; asks again where something is missing. */
  private void hear() {
    boolean told = false;
    while (!told) {
      teller.tell();
      told = true;
      for (byte[] message = teller.sent.poll(); message != null; message = teller.sent.poll()) {
        assertThat(imports.take(message)).isFalse();
        byte[] wanted = imports.wanted();
        if (wanted != null) {
          assertThat(new FlowImport(replica, new Heard()).take(wanted)).isTrue();
          teller.export.begin(teller, ++rounds);
          told = false;
        }
      }
    }
    while (imports.forget(100)) {
      // Some in each turn.
    }
  }

  private void assertSame() {
    List<String> theirs = new ArrayList<>();
    for (int flow = 0; flow < Teller.FLOWS; flow++) {
      if (teller.flows.state(flow) == FlowTable.LIVE) {
        int slot = (int) teller.clients.session(teller.flows.client(flow)) - 1;
        theirs.add(line(flow, slot));
      }
    }
    List<String> kept = new ArrayList<>();
    for (int slot = 0; slot < Teller.SESSIONS; slot++) {
      int found = replica.find(Teller.name(slot));
      for (int flow = found < 0 ? -1 : replica.first(found); flow >= 0; flow = replica.next(flow)) {
        FlowImage image = replica.read(flow);
        assertThat(image.session()).isEqualTo(slot);
        kept.add(line(image));
      }
    }
    assertThat(kept).containsExactlyInAnyOrderElementsOf(theirs);
    assertThat(replica.size()).isEqualTo(theirs.size());
  }

  private String line(int flow, int slot) {
    FlowTable flows = teller.flows;
    int client = flows.client(flow);
    return String.join(
        " ",
        List.of(flow, slot, flows.protocol(flow), flows.flags(flow), flows.moves(flow)).toString(),
        List.of(teller.clients.high(client), teller.clients.low(client)).toString(),
        List.of(flows.remoteHigh(flow), flows.remoteLow(flow)).toString(),
        List.of(flows.outerHigh(flow), flows.outerLow(flow)).toString(),
        List.of(flows.clientPort(flow), flows.remotePort(flow), flows.outerPort(flow)).toString(),
        List.of(flows.scaleClient(flow), flows.scaleServer(flow)).toString(),
        Long.toString(flows.sinceMs(flow)));
  }

  private static String line(FlowImage flow) {
    return String.join(
        " ",
        List.of(flow.flow(), flow.session(), flow.protocol(), flow.flags(), flow.moves())
            .toString(),
        List.of(flow.clientHigh(), flow.clientLow()).toString(),
        List.of(flow.remoteHigh(), flow.remoteLow()).toString(),
        List.of(flow.outerHigh(), flow.outerLow()).toString(),
        List.of(flow.clientPort(), flow.remotePort(), flow.outerPort()).toString(),
        List.of(flow.scaleClient(), flow.scaleServer()).toString(),
        Long.toString(flow.sinceMs()));
  }

  @Test
  void everythingIsToldInChunksAndThenOnlyWhatChanges() {
    int client = teller.open(3);
    for (int i = 0; i < 1000; i++) {
      teller.connect(client, i);
    }
    teller.export.begin(teller, 7);
    teller.tell();
    // Begin, the session, four chunks of 256 or less, complete.
    assertThat(teller.sent).hasSize(7);
    hear();
    assertThat(completed).isEqualTo(1);
    assertSame();
    assertThat(teller.export.turn()).isFalse();
    assertThat(teller.sent).isEmpty();
    teller.flows.setFlags(5, FlowTable.ANSWERED | FlowTable.CLIENT_FIN);
    teller.flows.setState(6, FlowTable.RESTING);
    teller.flows.touch(7, 1);
    teller.tell();
    assertThat(teller.sent).hasSize(2);
    hear();
    assertSame();
    assertThat(replica.size()).isEqualTo(999);
  }

  @Test
  void whatIsYoungOrEndsYoungIsNotTold() {
    try (Teller other = new Teller(false)) {
      int client = other.open(0);
      other.export.begin(other, 1);
      other.tell();
      other.sent.clear();
      int gone = other.connect(client, 1);
      int stays = other.connect(client, 2);
      other.tell();
      other.flows.setState(gone, FlowTable.RESTING);
      other.tell();
      assertThat(other.sent).isEmpty();
      other.growOld();
      other.tell();
      assertThat(other.export.told()).isEqualTo(1);
      assertThat(other.export.ends()).isZero();
      // What is known is told of at once.
      other.flows.remove(stays);
      other.tell();
      assertThat(other.export.ends()).isEqualTo(1);
    }
  }

  @Test
  void whatIsOnlyAskedForAndWhatNobodyTakesUpIsNotTold() {
    int client = teller.open(0);
    int nameless = teller.clients.add(9, 0, 0, 0xffff_0a00_0009L);
    teller.connect(nameless, 1);
    teller.flows.setFlags(teller.connect(client, 2), 0);
    teller.export.begin(teller, 1);
    hear();
    assertThat(replica.size()).isZero();
  }

  @Test
  void whatCannotBeSentWaitsAndIsToldOnce() {
    int client = teller.open(0);
    teller.export.begin(teller, 1);
    hear();
    teller.ready = false;
    int flow = teller.connect(client, 1);
    teller.tell();
    teller.flows.setFlags(flow, FlowTable.ANSWERED | FlowTable.SERVER_FIN);
    teller.tell();
    assertThat(teller.sent).isEmpty();
    teller.ready = true;
    hear();
    assertThat(teller.export.told()).isEqualTo(1);
    assertSame();
  }

  @Test
  void anotherProcessGoesOnWithWhatWasKept() {
    for (int slot = 0; slot < 4; slot++) {
      int client = teller.open(slot);
      for (int i = 0; i < 100; i++) {
        teller.connect(client, slot * 100 + i);
      }
    }
    teller.export.begin(teller, 1);
    hear();
    Cargo lent = new Cargo();
    replica.lend(lent);
    Cargo copies = new Cargo();
    lent.names().forEach(name -> copies.give(name, lent.get(name).duplicate()));
    FlowReplica next = FlowReplica.adopt(copies);
    replica.close();
    replica = next;
    imports = new FlowImport(replica, new Heard());
    assertSame();
    // The other one knows nothing of that, and is asked for everything.
    teller.connect(teller.open(4), 999);
    teller.flows.remove(0);
    teller.tell();
    hear();
    assertSame();
  }

  @Test
  void connectionsThatWereTakenOverAreHeardOfAndTheirEndsToo() {
    int client = teller.open(0);
    int first = teller.connect(client, 1);
    int second = teller.connect(client, 2);
    teller.flows.setMoves(first, 1);
    teller.flows.setMoves(second, 3);
    teller.export.begin(teller, 1);
    hear();
    assertThat(moved).containsExactly(first, second);
    teller.flows.setState(first, FlowTable.RESTING);
    hear();
    assertThat(ended).containsExactly(first);
    // One that is not told any more, after a new beginning, is over as well.
    teller.end(client);
    teller.export.begin(teller, 2);
    hear();
    assertThat(ended).containsExactly(first, second);
    assertThat(replica.sessions()).isZero();
  }

  @Test
  void successorIsAnnounced() {
    teller.export.begin(teller, 1);
    teller.export.soon(30_000);
    hear();
    assertThat(silentMs).isEqualTo(30_000);
    // Also to whom something is missing, and waits for all to be told again.
    imports.reset();
    teller.export.soon(20_000);
    hear();
    assertThat(silentMs).isEqualTo(20_000);
  }

  /** Whatever happens and is lost: in the end both have the same. */
  @Test
  void anyHistoryEndsInTheSame() {
    for (int seed = 0; seed < HISTORIES; seed++) {
      Random random = new Random(seed);
      int[] clients = new int[Teller.SESSIONS];
      teller.export.begin(teller, ++rounds);
      for (int step = 0; step < STEPS; step++) {
        change(random, clients);
      }
      teller.ready = true;
      // A message that was lost is missed when the next one comes.
      teller.export.soon(0);
      hear();
      assertSame();
      for (int slot = 0; slot < clients.length; slot++) {
        if (clients[slot] != 0) {
          teller.end(clients[slot]);
        }
      }
      hear();
      assertThat(replica.size()).as("seed %d", seed).isZero();
    }
  }

  private void change(Random random, int[] clients) {
    int slot = random.nextInt(clients.length);
    int flow = Math.floorMod(last - random.nextInt(RECENT), Teller.FLOWS);
    boolean live = teller.flows.state(flow) == FlowTable.LIVE;
    switch (random.nextInt(9)) {
      case 0 -> {
        if (clients[slot] == 0) {
          clients[slot] = teller.open(slot);
        } else if (random.nextInt(4) == 0) {
          teller.end(clients[slot]);
          clients[slot] = 0;
        }
      }
      case 1, 2, 3 -> {
        if (clients[slot] != 0) {
          last = teller.connect(clients[slot], random.nextInt(60_000));
        }
      }
      case 4 -> {
        if (live) {
          teller.flows.remove(flow);
        }
      }
      case 5 -> {
        if (live) {
          teller.flows.setMoves(flow, random.nextInt(3));
        }
      }
      case 6 -> teller.ready = !teller.ready;
      case 7 -> {
        teller.tell();
        // Some of it is lost, rarely.
        if (random.nextInt(8) == 0) {
          teller.sent.poll();
        }
      }
      default -> hear();
    }
  }

  @Test
  void bytesThatAreNoChunkAreRefusedWithASentence() {
    assertRefused(new byte[3], "a chunk of connections ends after 3 bytes");
    byte[] good = Chunk.bare(Chunk.COMPLETE, 1, 0);
    assertRefused(with(good, 0, 0), "of version 0");
    assertRefused(with(with(good, 0, 9), 1, 9), "of version 9, readable from version 9 on");
    assertRefused(with(good, 2, 99), "of kind 99");
    assertRefused(with(good, 7, 1), "with 1 entries");
    assertRefused(with(good, 3, 1), "reserved bytes");
    assertRefused(new byte[Chunk.HEADER_BYTES], "of version 0");
    // A newer one that an older reader understands is none the worse for it.
    assertThat(imports.take(with(Chunk.bare(Chunk.AGAIN, 1, 0), 0, 9))).isTrue();
  }

  @Test
  void partnerWithMoreRoomIsRefusedNamingTheKey() {
    try (FlowReplica small = FlowReplica.open(10, Teller.SESSIONS)) {
      FlowImport other = new FlowImport(small, new Heard());
      teller.export.begin(teller, 1);
      assertThatThrownBy(() -> other.take(teller.sent.remove()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("fish.maxFlows of the partner is 3000; here is room for 10");
      assertThat(other.wanted()).isNull();
    }
  }

  /** No byte that is changed breaks what is kept: refused in words, or taken for another value. */
  @Test
  void damagedChunksAreRefusedAndLeaveWhatIsKeptWhole() {
    int client = teller.open(1);
    for (int i = 0; i < 20; i++) {
      teller.connect(client, i);
    }
    teller.export.begin(teller, 1);
    teller.tell();
    List<byte[]> good = List.copyOf(teller.sent);
    Random random = new Random(1128);
    int refused = 0;
    for (int i = 0; i < FLIPS; i++) {
      int damaged = random.nextInt(good.size());
      for (int message = 0; message < good.size(); message++) {
        byte[] bytes = good.get(message).clone();
        if (message == damaged) {
          bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        try {
          imports.take(bytes);
        } catch (IllegalArgumentException e) {
          assertThat(e).hasMessageContaining(" ");
          refused++;
        }
      }
      if (i % 1000 == 0) {
        assertLinksAreWhole();
      }
    }
    assertThat(refused).isPositive();
    assertLinksAreWhole();
    teller.sent.clear();
    teller.export.begin(teller, 2);
    hear();
    assertSame();
  }

  private void assertLinksAreWhole() {
    TreeSet<Integer> found = new TreeSet<>();
    for (int slot = 0; slot < Teller.SESSIONS; slot++) {
      int flow = replica.isSession(slot) ? replica.first(slot) : -1;
      for (; flow >= 0; flow = replica.next(flow)) {
        assertThat(found.add(flow)).isTrue();
        assertThat(replica.read(flow).session()).isEqualTo(slot);
      }
    }
    assertThat(found).hasSize(replica.size());
  }

  private static byte[] with(byte[] bytes, int at, int value) {
    byte[] changed = bytes.clone();
    changed[at] = (byte) value;
    return changed;
  }

  private void assertRefused(byte[] bytes, String sentence) {
    assertThatThrownBy(() -> imports.take(bytes))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(sentence);
  }
}

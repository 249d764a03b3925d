package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.FlowKind;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A client that sends whatever it likes: others go on, and nothing goes uncounted. */
@DescriptorLeaks
@RequiresRoot
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostilePacketsTest {
  private static final int MTU = 1500;
  private static final int PACKETS = 10_000;
  private static final Pattern RECEIVED = Pattern.compile("(?s)\"rx\":\\{.*?\"packets\":(\\d+)");

  @TempDir Path directory;
  private EgressStage stage;
  private Peers peers;
  private final List<Descriptor> pair = EgressStage.packetPair();
  private final NativeMemory memory = NativeMemory.allocate(1 << 16);

  private void open(boolean header) {
    stage = new EgressStage(directory, header);
    peers = new Peers(stage);
  }

  @AfterEach
  void close() {
    stage.close();
    Descriptor.closeAll(pair);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void packetsOfAnyKindDisturbNobodyAndAreCounted(boolean header) throws IOException {
    open(header);
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    Session hostile =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    try (ServerSocket listener = peers.listen(SERVER);
        Socket socket = Peers.connect(client, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      Random random = new Random(20261128);
      List<byte[]> seeds = seeds();
      Transfer transfer = Transfer.begin(socket, accepted, 4 << 20);
      long before = stage.vertx.call(() -> received() - carried(client));
      int sent = 0;
      while (sent < PACKETS) {
        byte[] packet = mutated(random, seeds);
        if (packet.length > 0 && !isFragment(packet)) {
          Peers.send(pair.get(1), packet);
          sent++;
        }
        drain();
      }
      transfer.join();
      Await.until("all came", () -> hostile.packets().in() == PACKETS);
      long carried = stage.vertx.call(() -> received() - carried(client)) - before;
      Map<String, Long> dropped = new HashMap<>(hostile.packets().dropped());
      assertThat(dropped).containsKeys("malformed", "protocol", "unknown-connection");
      dropped.remove("flow-full");
      if (header) {
        // The kernel counts what was joined as one.
        assertThat(sum(dropped)).isBetween(1L, PACKETS - 1L);
      } else {
        assertThat(carried + sum(dropped)).as("%s", dropped).isEqualTo(PACKETS);
        assertThat(carried).isPositive();
      }
      Peers.exchange(accepted, socket, 100_000);
      assertThat(client.session().packets().dropped()).doesNotContainKeys("malformed", "taken");
      assertThat(stage.outcomes).isEmpty();
    }
  }

  /** Those that wait for others, and those that contradict them. */
  @Test
  void fragmentsOfAnyKindDisturbNobody() throws IOException {
    open(true);
    Client client = stage.client(Mapping.PER_DESTINATION, MTU);
    Session hostile =
        stage.session(pair.get(0).fd(), FlowKind.SEQPACKET, Mapping.PER_DESTINATION, MTU);
    Random random = new Random(20261128);
    for (int i = 0; i < PACKETS; i++) {
      String server = random.nextBoolean() ? SERVER : SERVER_6;
      byte[] packet =
          Packets.fragment(
              Packets.client(server), server, 8 * random.nextInt(64), random.nextBoolean());
      // Of a few datagrams at once.
      packet[server.equals(SERVER) ? 5 : 47] = (byte) random.nextInt(16);
      if (server.equals(SERVER)) {
        dev.oxbow.codecs.ip.Checksum.fillHeader(ByteBuffer.wrap(packet), 0);
      }
      Peers.send(pair.get(1), packet);
      drain();
    }
    Await.until("all came", () -> hostile.packets().in() == PACKETS);
    assertThat(hostile.packets().dropped()).containsKey("fragment");
    try (ServerSocket listener = peers.listen(SERVER);
        Socket socket = Peers.connect(client, SERVER, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      Peers.exchange(socket, accepted, 100_000);
    }
    assertThat(stage.outcomes).isEmpty();
  }

  private static List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    for (String server : List.of(SERVER, SERVER_6)) {
      String client = Packets.client(server);
      byte[] udp = Packets.udp(client, 5000, server, 9, 40);
      seeds.add(udp);
      seeds.add(Packets.tcp(client, 5000, server, 9, Packets.TCP_SYN));
      seeds.add(Packets.tcp(client, 5000, server, 9, Packets.TCP_ACK));
      seeds.add(Packets.echo(client, 77, server));
      seeds.add(Packets.unreachable(client, server, Packets.udp(server, 9, client, 5000, 8)));
      seeds.add(Packets.ip(client, server, 132, 64, new byte[12]));
    }
    return seeds;
  }

  private static byte[] mutated(Random random, List<byte[]> seeds) {
    byte[] packet = seeds.get(random.nextInt(seeds.size())).clone();
    for (int flips = random.nextInt(4); flips > 0; flips--) {
      // Most of all in the headers.
      int at = random.nextInt(random.nextBoolean() ? packet.length : Math.min(44, packet.length));
      packet[at] = (byte) random.nextInt();
    }
    return random.nextInt(8) == 0 ? Arrays.copyOf(packet, random.nextInt(packet.length)) : packet;
  }

  private static boolean isFragment(byte[] packet) {
    PacketView view = new PacketView();
    return view.parse(ByteBuffer.wrap(packet), 0, packet.length) == null && view.isFragment();
  }

  private void drain() {
    while (Syscalls.bytesWaiting(pair.get(1).fd()) > 0) {
      Syscalls.read(pair.get(1).fd(), memory.address(), 1 << 16);
    }
  }

  private static long sum(Map<String, Long> counters) {
    return counters.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Packets that the kernel has taken from a session. */
  private static long carried(Client client) {
    return client.session().packets().in() - sum(client.session().packets().dropped());
  }

  /** Packets that the kernel has taken from all sessions. */
  private long received() {
    Matcher rx = RECEIVED.matcher(EgressStage.in(stage.middle, "ip -s -j link show fish0"));
    assertThat(rx.find()).isTrue();
    return Long.parseLong(rx.group(1));
  }
}

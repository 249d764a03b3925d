package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.SERVER;
import static dev.oxbow.fish.session.EgressStage.SERVER_6;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.EgressStage.Client;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.testing.FlowBridge.Kind;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Much at once, over every kind of flow: whole where it can be, cut where it must be. */
@DescriptorLeaks
@RequiresRoot
class BulkTest {
  private static final int MTU = 1500;
  private static final int BYTES = 6 << 20;
  private static final int SEGMENT = 100;
  private static final int PAYLOAD = 5 * SEGMENT + 30;

  /** Turns off what the cable would leave undone: checksums (0x17), TSO (0x1f), GSO (0x24). */
  private static final String COMPLETE =
      """
      python3 -c '
      import fcntl, socket, struct, array
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      for what in (0x1f, 0x24, 0x17):
          value = array.array("B", struct.pack("II", what, 0))
          fcntl.ioctl(s, 0x8946, struct.pack("16sP", b"out0", value.buffer_info()[0]))
      '
      """;

  @TempDir Path directory;

  static Stream<Arguments> kinds() {
    return Stream.of(Kind.values())
        .flatMap(kind -> Stream.of(Arguments.of(kind, SERVER), Arguments.of(kind, SERVER_6)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void arrivesBothWaysInPacketsThatAreRight(Kind kind, String address) throws IOException {
    try (EgressStage stage = new EgressStage(directory)) {
      EgressStage.in(stage.middle, COMPLETE);
      Client client = stage.client(kind, Mapping.PER_DESTINATION, MTU, null);
      String sender = "src host " + (SERVER.equals(address) ? EgressStage.OUTER : "2001:db8:2::7");
      try (Capture capture =
          new Capture(stage.server, "in0", directory.resolve("capture"), sender + " and tcp")) {
        exchange(stage, client, address);
        int[] longest = new int[1];
        int packets = capture.each(packet -> longest[0] = Math.max(longest[0], packet.length()));
        assertThat(longest[0]).isEqualTo(MTU);
        assertThat(packets).isGreaterThanOrEqualTo(BYTES / MTU);
      }
      assertThat(client.session().packets().dropped())
          .doesNotContainKeys("malformed", "kernel-refused", "flow-refused", "too-long");
      if (kind.vnetHdr) {
        // Both ways in super-packets: the client's, and what the server's segments were joined to.
        assertThat(client.session().packets().in()).isLessThan(2L * BYTES / MTU / 2);
        assertThat(client.session().packets().out()).isLessThan(2L * BYTES / MTU / 2);
      }
    }
  }

  private static void exchange(EgressStage stage, Client client, String address)
      throws IOException {
    Peers peers = new Peers(stage);
    try (ServerSocket listener = peers.listen(address);
        Socket socket = Peers.connect(client, address, listener.getLocalPort());
        Socket accepted = listener.accept()) {
      Peers.exchange(socket, accepted, BYTES);
      Peers.exchange(accepted, socket, BYTES);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TUN", "TUN_VNET", "SEQPACKET"})
  void arrivesThroughADeviceThatAnOlderFishHasMade(Kind kind) throws IOException {
    try (EgressStage stage = new EgressStage(directory, false)) {
      Client client = stage.client(kind, Mapping.PER_DESTINATION, MTU, null);
      exchange(stage, client, SERVER);
      exchange(stage, client, SERVER_6);
      assertThat(client.session().packets().dropped())
          .doesNotContainKeys("malformed", "kernel-refused", "flow-refused", "too-long");
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TUN_VNET", "SEQPACKET_VNET", "SEQPACKET"})
  void goesOnInTheSuccessor(Kind kind) throws IOException {
    try (EgressStage stage = new EgressStage(directory)) {
      Client client = stage.client(kind, Mapping.PER_DESTINATION, MTU, null);
      Peers peers = new Peers(stage);
      try (ServerSocket listener = peers.listen(SERVER);
          Socket socket = Peers.connect(client, SERVER, listener.getLocalPort());
          Socket accepted = listener.accept()) {
        Peers.exchange(socket, accepted, BYTES);
        SessionPlane next = stage.successor();
        Session adopted = stage.adopt(next, client.session());
        stage.passTo(next);
        Peers.exchange(socket, accepted, BYTES);
        Peers.exchange(accepted, socket, BYTES);
        assertThat(adopted.spec.vnetHdr()).isEqualTo(client.session().spec.vnetHdr());
        assertThat(adopted.packets().dropped()).doesNotContainKeys("malformed", "kernel-refused");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void datagramsInOneSuperPacketArriveEachForItself(boolean header) throws IOException {
    try (EgressStage stage = new EgressStage(directory, header);
        DatagramSocket server = new Peers(stage).bind(SERVER)) {
      var pair = EgressStage.packetPair();
      try (Descriptor flow = pair.get(0);
          Descriptor far = pair.get(1)) {
        Session session =
            stage.session(flow.fd(), FlowKind.SEQPACKET, true, Mapping.PER_DESTINATION, MTU, null);
        Peers.send(far, superDatagram(server.getLocalPort()));
        for (int at = 0; at < PAYLOAD; at += SEGMENT) {
          DatagramPacket came = Peers.receive(server);
          assertThat(came.getLength()).isEqualTo(Math.min(SEGMENT, PAYLOAD - at));
          assertThat(Arrays.copyOf(came.getData(), came.getLength()))
              .isEqualTo(Arrays.copyOfRange(payload(), at, at + came.getLength()));
        }
        assertThat(session.packets().dropped()).isEmpty();
      }
    }
  }

  /** As one packet, however many datagrams are in it: one came. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void superPacketThatTheKernelRefusesIsCountedOnce(boolean header) throws IOException {
    try (EgressStage stage = new EgressStage(directory, header);
        DatagramSocket server = new Peers(stage).bind(SERVER)) {
      var pair = EgressStage.packetPair();
      try (Descriptor flow = pair.get(0);
          Descriptor far = pair.get(1)) {
        Session session =
            stage.session(flow.fd(), FlowKind.SEQPACKET, true, Mapping.PER_DESTINATION, MTU, null);
        Peers.send(far, superDatagram(server.getLocalPort()));
        Peers.receive(server);
        EgressStage.in(stage.middle, "ip link set fish0 down");
        Peers.send(far, superDatagram(server.getLocalPort()));
        Await.until("both came", () -> session.packets().in() == 2);
        assertThat(stage.vertx.<Object>call(() -> session.packets().dropped()))
            .isEqualTo(Map.of("kernel-refused", 1L));
      }
    }
  }

  @Test
  void headerThatContradictsItsPacketIsDropped() throws IOException {
    try (EgressStage stage = new EgressStage(directory);
        DatagramSocket server = new Peers(stage).bind(SERVER)) {
      var pair = EgressStage.packetPair();
      try (Descriptor flow = pair.get(0);
          Descriptor far = pair.get(1)) {
        Session session =
            stage.session(flow.fd(), FlowKind.SEQPACKET, true, Mapping.PER_DESTINATION, MTU, null);
        byte[] wrong = superDatagram(server.getLocalPort());
        wrong[1] = VirtioNetHeader.GSO_TCPV4;
        Peers.send(far, wrong);
        Peers.send(far, new byte[VirtioNetHeader.BYTES - 1]);
        Peers.send(far, superDatagram(server.getLocalPort()));
        Peers.receive(server);
        assertThat(session.packets().dropped()).containsOnlyKeys("malformed");
        assertThat(session.packets().dropped()).containsEntry("malformed", 2L);
      }
    }
  }

  private static byte[] payload() {
    byte[] payload = new byte[PAYLOAD];
    for (int i = 0; i < PAYLOAD; i++) {
      payload[i] = (byte) (i * 7);
    }
    return payload;
  }

  /** A virtio_net_hdr and a packet of several datagrams from 10.0.0.2:5000 to the server. */
  private static byte[] superDatagram(int port) {
    int bytes = 28 + PAYLOAD;
    ByteBuffer memory = ByteBuffer.allocate(VirtioNetHeader.BYTES + bytes);
    int ip = VirtioNetHeader.BYTES;
    memory.put(ip, (byte) 0x45).putShort(ip + 2, (short) bytes).put(ip + 8, (byte) 64);
    memory.put(ip + 9, (byte) IpProtocol.UDP);
    memory.putInt(ip + 12, 0x0a00_0002).putInt(ip + 16, 0xc633_6409);
    memory.putShort(ip + 20, (short) 5000).putShort(ip + 22, (short) port);
    memory.putShort(ip + 24, (short) (8 + PAYLOAD));
    memory.put(ip + 28, payload());
    Checksum.fillHeader(memory, ip);
    PacketView packet = new PacketView();
    assertThat(packet.parse(memory, ip, bytes)).isNull();
    memory.putShort(ip + 26, (short) Checksum.pseudoHeader(packet));
    packet.checksumPartial(true);
    VirtioNetHeader.write(memory, 0, packet, SEGMENT);
    return memory.array();
  }
}

package dev.oxbow.codecs.ip;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Holds this package to packets that Scapy made: packets.py makes packets.txt. */
class GoldenPacketsTest {
  private static final int ROOM = 1300;

  private final PacketView packet = new PacketView();
  private final PacketView quoted = new PacketView();
  private final ByteBuffer answer = ByteBuffer.allocateDirect(ROOM);

  @ParameterizedTest
  @MethodSource
  void findsWhatIsInPackets(Golden golden) throws IOException {
    parse(golden, "packet");
    Map<String, String> expected = new LinkedHashMap<>(golden.fields());
    expected.remove("packet");
    assertThat(seen(expected)).isEqualTo(expected);
    assertThat(packet.length()).isEqualTo(golden.bytes("packet").length);
    assertThat(packet.authenticated()).isEqualTo(golden.name().startsWith("authenticated"));
    assertThat(packet.isFragment()).isFalse();
    assertThat(packet.fragmentHeader() >= 0).isEqualTo(golden.name().startsWith("atomic"));
    assertThat(Checksum.transportValid(packet)).isTrue();
    int field = Bytes.u16(packet.memory(), packet.checksumAt());
    if (field != 0) {
      assertThat(Checksum.transport(packet)).isEqualTo(field);
    }
  }

  static List<Golden> findsWhatIsInPackets() throws IOException {
    return golden("parse");
  }

  @ParameterizedTest
  @MethodSource
  void changesEndsOfPackets(Golden golden) throws IOException {
    parse(golden, "before");
    long[] to = golden.address("address");
    int port = golden.number("port");
    if (golden.text("what").startsWith("quoted")) {
      assertThat(packet.isIcmpError()).isTrue();
      assertThat(packet.quoted(quoted)).isNull();
    }
    switch (golden.text("what")) {
      case "source" -> Rewrite.source(packet, to[0], to[1], port);
      case "destination" -> Rewrite.destination(packet, to[0], to[1], port);
      case "quotedSource" -> Rewrite.quotedSource(packet, quoted, to[0], to[1], port);
      default -> Rewrite.quotedDestination(packet, quoted, to[0], to[1], port);
    }
    assertThat(hex(packet.memory(), TestPacket.OFFSET, packet.length()))
        .isEqualTo(golden.text("after"));
  }

  static List<Golden> changesEndsOfPackets() throws IOException {
    return golden("rewrite");
  }

  @ParameterizedTest
  @MethodSource
  void clampsTheMss(Golden golden) throws IOException {
    parse(golden, "before");
    assertThat(Rewrite.clampMss(packet, golden.number("mss")))
        .isEqualTo(!golden.text("before").equals(golden.text("after")));
    assertThat(hex(packet.memory(), TestPacket.OFFSET, packet.length()))
        .isEqualTo(golden.text("after"));
  }

  static List<Golden> clampsTheMss() throws IOException {
    return golden("clamp");
  }

  @ParameterizedTest
  @MethodSource
  void resetsUnknownConnections(Golden golden) throws IOException {
    parse(golden, "about");
    int length = TcpReset.write(packet, answer, 5);
    assertThat(hex(answer, 5, length)).isEqualTo(golden.text("answer"));
    assertThat(length).isLessThanOrEqualTo(TcpReset.MAX_BYTES);
  }

  static List<Golden> resetsUnknownConnections() throws IOException {
    return golden("reset");
  }

  @ParameterizedTest
  @MethodSource
  void tellsSendersWhatWentWrong(Golden golden) throws IOException {
    parse(golden, "about");
    IcmpError error = IcmpError.valueOf(golden.text("error"));
    long[] from = golden.address("source");
    int mtu = golden.number("mtu");
    int length = error.write(packet, mtu, from[0], from[1], answer, 5);
    assertThat(hex(answer, 5, length)).isEqualTo(golden.text("answer"));
    if (length > 0) {
      PacketView told = new PacketView();
      assertThat(told.parse(answer, 5, length)).isNull();
      assertThat(told.isIcmpError()).isTrue();
      assertThat(error.is(told)).isTrue();
      assertThat(IcmpError.mtu(told)).isEqualTo(mtu);
      assertThat(told.quoted(quoted)).isNull();
      assertThat(quoted.sourcePort()).isEqualTo(packet.sourcePort());
    }
  }

  static List<Golden> tellsSendersWhatWentWrong() throws IOException {
    return golden("error");
  }

  @ParameterizedTest
  @MethodSource
  void namesWhatIsWrong(Golden golden) {
    byte[] bytes = golden.bytes("packet");
    Defect defect = packet.parse(TestPacket.direct(bytes), TestPacket.OFFSET, bytes.length);
    assertThat(defect).hasToString(golden.text("reason"));
  }

  static List<Golden> namesWhatIsWrong() throws IOException {
    return golden("defect");
  }

  private static List<Golden> golden(String kind) throws IOException {
    return Golden.of(GoldenPacketsTest.class, "packets.txt", kind);
  }

  private void parse(Golden golden, String field) {
    byte[] bytes = golden.bytes(field);
    assertThat(packet.parse(TestPacket.direct(bytes), TestPacket.OFFSET, bytes.length)).isNull();
  }

  private Map<String, String> seen(Map<String, String> expected) throws IOException {
    Map<String, String> seen = new LinkedHashMap<>();
    for (String field : expected.keySet()) {
      seen.put(
          field,
          switch (field) {
            case "source" -> text(expected.get(field), packet.sourceHigh(), packet.sourceLow());
            case "destination" ->
                text(expected.get(field), packet.destinationHigh(), packet.destinationLow());
            case "ports" -> packet.sourcePort() + "," + packet.destinationPort();
            case "dontFragment" -> String.valueOf(packet.dontFragment());
            case "seq" -> Integer.toUnsignedString(TcpHeader.sequence(packet));
            case "ack" -> Integer.toUnsignedString(TcpHeader.acknowledgment(packet));
            default -> String.valueOf(number(field));
          });
    }
    return seen;
  }

  private int number(String field) {
    return switch (field) {
      case "version" -> packet.version();
      case "header" -> packet.headerLength();
      case "hops" -> packet.hopLimit();
      case "trafficClass" -> packet.trafficClass();
      case "protocol" -> packet.protocol();
      case "identification" -> packet.identification();
      case "payload" -> packet.payloadLength();
      case "flags" -> TcpHeader.flags(packet);
      case "window" -> TcpHeader.window(packet);
      case "mss" -> TcpHeader.mss(packet);
      case "scale" -> TcpHeader.windowScale(packet);
      case "type" -> packet.icmpType();
      case "code" -> packet.icmpCode();
      case "echo" -> packet.echoId();
      default -> throw new IllegalArgumentException(field);
    };
  }

  /** The address as expected, if it is the same one; two texts may name one address. */
  private static String text(String expected, long high, long low) throws UnknownHostException {
    byte[] bytes = ByteBuffer.allocate(16).putLong(high).putLong(low).array();
    InetAddress address = InetAddress.getByAddress(bytes);
    return address.equals(InetAddress.getByName(expected)) ? expected : address.getHostAddress();
  }

  private static String hex(ByteBuffer memory, int at, int length) {
    byte[] bytes = new byte[length];
    memory.get(at, bytes);
    return HexFormat.of().formatHex(bytes);
  }
}

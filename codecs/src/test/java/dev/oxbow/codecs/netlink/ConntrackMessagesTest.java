package dev.oxbow.codecs.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests hold what those of conntrack(8) hold, and the kernel's answers to it are understood. */
class ConntrackMessagesTest {
  private static final long POOL = 0xffff_6440_0001L;
  private static final long SERVER = 0xffff_c633_6409L;
  private static final long SOFT = 0xffff_cb00_7107L;
  private static final long HIGH_6 = 0x2001_0db8_0000_0000L;
  private static final long SERVER_6 = 0x2001_0db8_0001_0000L;
  private static final long SOFT_6 = 0x2001_0db8_0002_0000L;

  /** Attributes that hold attributes, by the path of their types. */
  private static final java.util.Set<String> NESTS =
      java.util.Set.of(".1", ".1.1", ".1.2", ".2", ".2.1", ".2.2", ".4", ".4.1", ".6", ".6.3");

  @Test
  void insertionsSayWhatConntrackSays() {
    same("udp", insert(udp(), 0, SOFT, 20001, null));
    same("tcp", insert(tcp(), 0, SOFT, 20001, null));
    same("udp6", insert(udp6(), SOFT_6, 7, 20001, null));
    same("tcp6", insert(tcp6(), SOFT_6, 7, 20001, null));
    same("icmp", insert(icmp(), 0, SOFT, 1234, null));
    same("icmp6", insert(icmp6(), SOFT_6, 7, 1234, null));
  }

  private static void same(String name, Consumer<NetlinkWriter> write) {
    Map<String, String> expected = tree(Golden.bytes("conntrack.insert." + name));
    Map<String, String> ours = tree(HexFormat.of().parseHex(Golden.written(write)));
    // The tool wants the state of a TCP connection and sets flags; a new one needs neither. It
    // cannot say the id that an echo is to have, which Fish always does.
    expected.keySet().removeIf(path -> path.startsWith(".4."));
    if (name.startsWith("icmp")) {
      ours.keySet().removeIf(path -> path.startsWith(".6.3."));
    }
    assertThat(ours).as(name).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "udp, 17, 53",
    "udp6, 17, 53",
    "tcp, 6, 443",
    "tcp6, 6, 443",
    "icmp, 1, 0",
    "icmp6, 58, 0"
  })
  void connectionsAreReadInBothDirections(String name, int protocol, int port) {
    ConntrackReader entry = new ConntrackReader().read(Golden.reader("conntrack.reply." + name));
    boolean six = name.endsWith("6");
    ConntrackTuple original = entry.original();
    assertThat(original.version()).isEqualTo(six ? 6 : 4);
    assertThat(original.protocol()).isEqualTo(protocol);
    assertThat(original.sourceHigh()).isEqualTo(six ? HIGH_6 : 0);
    assertThat(original.sourceLow()).isEqualTo(six ? 1 : POOL);
    assertThat(original.destinationHigh()).isEqualTo(six ? SERVER_6 : 0);
    assertThat(original.destinationLow()).isEqualTo(six ? 9 : SERVER);
    assertThat(original.sourcePort()).isEqualTo(original.isIcmp() ? 1234 : 1000);
    assertThat(original.destinationPort()).isEqualTo(port);
    assertThat(entry.reply().destinationLow()).isEqualTo(six ? 7 : SOFT);
    assertThat(entry.reply().sourceLow()).isEqualTo(six ? 9 : SERVER);
    assertThat(entry.mark()).isEqualTo(77);
    assertThat(entry.timeoutSeconds()).isBetween(295, 300);
    assertThat(entry.id()).isNotZero();
    assertThat(entry.status() & ConntrackMessages.IPS_SRC_NAT).isNotZero();
    assertThat(entry.destroyed()).isFalse();
    if (!original.isIcmp()) {
      assertThat(entry.reply().destinationPort()).isEqualTo(20001);
      assertThat(entry.reply().sourcePort()).isEqualTo(port);
    }
    if (protocol == 6) {
      assertThat(entry.tcpState()).isEqualTo(ConntrackMessages.TCP_CONNTRACK_SYN_SENT);
      assertThat(entry.flagsOriginal()).isNotNegative();
      assertThat(entry.flagsReply()).isNotNegative();
    }
  }

  @Test
  void othersAreAskedForAndDeletedAsConntrackDoes() {
    Map<String, ConntrackTuple> kinds =
        Map.of(
            "udp", udp(), "udp6", udp6(), "tcp", tcp(), "tcp6", tcp6(), "icmp", icmp(), "icmp6",
            icmp6());
    kinds.forEach(
        (name, tuple) -> {
          Map<String, String> get = tree(Golden.bytes("conntrack.get." + name));
          // The tool sets flags of TCP here, too.
          get.keySet().removeIf(path -> path.startsWith(".4."));
          assertThat(tree(hex(out -> ConntrackMessages.get(out, tuple, false))))
              .as(name)
              .isEqualTo(get);
          // The tool sends back all that it knows; the tuple is what the kernel looks at.
          assertThat(tree(Golden.bytes("conntrack.delete." + name)))
              .as(name)
              .containsAllEntriesOf(tree(hex(out -> ConntrackMessages.delete(out, tuple, 0))));
        });
    Map<String, String> dump = tree(Golden.bytes("conntrack.dump"));
    Consumer<NetlinkWriter> marked = out -> ConntrackMessages.dumpMarked(out, 77, 255);
    Map<String, String> ours = tree(HexFormat.of().parseHex(Golden.written(marked)));
    assertThat(dump).containsEntry(".8", ours.get(".8")).containsEntry(".21", ours.get(".21"));
  }

  @Test
  void liveConnectionsAreTakenUpLiberallyAndWithTheirScales() {
    Map<String, String> scaled = tree(hex(insert(tcp(), 0, SOFT, 20001, new TcpResumption(7, 9))));
    assertThat(scaled)
        .containsEntry(".4.1.1", "03")
        .containsEntry(".4.1.2", "07")
        .containsEntry(".4.1.3", "09")
        .containsEntry(".4.1.4", "0b0b")
        .containsEntry(".4.1.5", "0b0b")
        .containsEntry(".3", "0000000e");
    Map<String, String> liberal = tree(hex(insert(tcp(), 0, SOFT, 20001, TcpResumption.LIBERAL)));
    assertThat(liberal).containsEntry(".4.1.4", "0a0a").doesNotContainKey(".4.1.2");
  }

  @Test
  void theOtherDirectionIsThePlainInverse() {
    ConntrackTuple reply = new ConntrackTuple().inverseOf(tcp());
    assertThat(reply.sourceLow()).isEqualTo(SERVER);
    assertThat(reply.sourcePort()).isEqualTo(443);
    assertThat(reply.destinationLow()).isEqualTo(POOL);
    assertThat(reply.destinationPort()).isEqualTo(1000);
    assertThat(new ConntrackTuple().inverseOf(icmp()).sourcePort()).isEqualTo(1234);
  }

  private static Consumer<NetlinkWriter> insert(
      ConntrackTuple original,
      long high,
      long low,
      int port,
      @org.jspecify.annotations.Nullable TcpResumption tcp) {
    return out ->
        ConntrackMessages.insert(
            out, original, new ConntrackTuple(), high, low, port, 300, 77, tcp);
  }

  private static byte[] hex(Consumer<NetlinkWriter> write) {
    return HexFormat.of().parseHex(Golden.written(write));
  }

  private static ConntrackTuple udp() {
    return new ConntrackTuple().of(4, 17).source(0, POOL, 1000).destination(0, SERVER, 53);
  }

  private static ConntrackTuple tcp() {
    return new ConntrackTuple().of(4, 6).source(0, POOL, 1000).destination(0, SERVER, 443);
  }

  private static ConntrackTuple udp6() {
    return new ConntrackTuple().of(6, 17).source(HIGH_6, 1, 1000).destination(SERVER_6, 9, 53);
  }

  private static ConntrackTuple tcp6() {
    return new ConntrackTuple().of(6, 6).source(HIGH_6, 1, 1000).destination(SERVER_6, 9, 443);
  }

  private static ConntrackTuple icmp() {
    return new ConntrackTuple().of(4, 1).source(0, POOL, 1234).destination(0, SERVER, 0);
  }

  private static ConntrackTuple icmp6() {
    return new ConntrackTuple().of(6, 58).source(HIGH_6, 1, 1234).destination(SERVER_6, 9, 0);
  }

  /** A message as its type, its flags, its family, and its attributes whatever their order. */
  private static Map<String, String> tree(byte[] message) {
    Map<String, String> tree = new TreeMap<>();
    ByteBuffer bytes = ByteBuffer.wrap(message).order(ByteOrder.nativeOrder());
    NetlinkReader reader = new NetlinkReader().over(bytes);
    assertThat(reader.next()).isTrue();
    tree.put("type", Integer.toHexString(reader.type()));
    // A dump over all families may name one.
    tree.put("family", Integer.toHexString(bytes.get(reader.bodyOffset())));
    branch(tree, "", reader.attributes(new Attributes(), ConntrackMessages.NFGENMSG_BYTES));
    return tree;
  }

  private static void branch(Map<String, String> tree, String path, Attributes attributes) {
    while (attributes.next()) {
      String at = path + "." + attributes.type();
      if (NESTS.contains(at)) {
        branch(tree, at, attributes.nested(new Attributes()));
      } else {
        tree.put(at, HexFormat.of().formatHex(attributes.bytes()));
      }
    }
  }
}

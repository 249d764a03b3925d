package dev.oxbow.fish.replica;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fish.ports.FlowTable;
import java.nio.ByteBuffer;

/**
 * One connection as it is told to the partner, and kept there; big-endian. Laid over bytes again
 * and again.
 *
 * <pre>
 *  0 flow u32              4 protocol u8   5 flags u8   6 moves u8   7 zero
 *  8 session u32          12 zero
 * 16 client high u64      24 client low u64
 * 32 remote high u64      40 remote low u64
 * 48 outer high u64       56 outer low u64
 * 64 client port u16      66 remote port u16      68 outer port u16
 * 70 scale of the client s8   71 scale of the server s8   72 since ms u64
 * </pre>
 *
 * Both tuples are in it: the one inside, but for the inner address, which is each node's own
 * matter, and the one outside. The flow and the session are numbers of the sender's tables.
 */
public final class FlowImage {

  /** Size. */
  public static final int BYTES = 80;

  /** What is told of a connection's flags. */
  public static final int FLAGS =
      FlowTable.CLIENT_FIN | FlowTable.SERVER_FIN | FlowTable.ANSWERED | FlowTable.ALONE;

  private static final int MAX_SCALE = 14;

  private ByteBuffer bytes = ByteBuffer.allocate(0);
  private int at;

  /** Looks at bytes, which it does not check. */
  FlowImage over(ByteBuffer of, int from) {
    bytes = of;
    at = from;
    return this;
  }

  /**
   * Sees to it that it can be one.
   *
   * @param flows that the sender has room for
   * @param sessions that the sender has room for
   * @throws IllegalArgumentException naming what cannot be
   */
  void check(int flows, int sessions) {
    require(flow() >= 0 && flow() < flows, "number", flow());
    require(session() >= 0 && session() < sessions, "session", session());
    require(
        switch (protocol()) {
          case IpProtocol.TCP, IpProtocol.UDP, IpProtocol.ICMP, IpProtocol.ICMPV6 -> true;
          default -> false;
        },
        "protocol",
        protocol());
    require((flags() & ~FLAGS) == 0, "flags", flags());
    require(bytes.get(at + 7) == 0 && bytes.getInt(at + 12) == 0, "reserved bytes", 0);
    require(isScale(scaleClient()), "scaleClient", scaleClient());
    require(isScale(scaleServer()), "scaleServer", scaleServer());
    require(outerPort() > 0, "outerPort", outerPort());
    boolean four = PacketView.isV4(clientHigh(), clientLow());
    require(PacketView.isV4(remoteHigh(), remoteLow()) == four, "remote", remoteHigh());
    require(PacketView.isV4(outerHigh(), outerLow()) == four, "outer", outerHigh());
    require(sinceMs() >= 0, "sinceMs", sinceMs());
  }

  private static boolean isScale(int scale) {
    return scale >= -1 && scale <= MAX_SCALE;
  }

  private static void require(boolean holds, String field, long value) {
    if (!holds) {
      throw new IllegalArgumentException("a connection of the partner's: " + field + " " + value);
    }
  }

  /** Fills it with a connection of ours. */
  void fill(FlowTable flows, int flow, int session, long clientHigh, long clientLow) {
    bytes.putInt(at, flow);
    bytes.put(at + 4, (byte) flows.protocol(flow));
    bytes.put(at + 5, (byte) (flows.flags(flow) & FLAGS));
    bytes.put(at + 6, (byte) flows.moves(flow));
    bytes.put(at + 7, (byte) 0);
    bytes.putInt(at + 8, session);
    bytes.putInt(at + 12, 0);
    bytes.putLong(at + 16, clientHigh);
    bytes.putLong(at + 24, clientLow);
    bytes.putLong(at + 32, flows.remoteHigh(flow));
    bytes.putLong(at + 40, flows.remoteLow(flow));
    bytes.putLong(at + 48, flows.outerHigh(flow));
    bytes.putLong(at + 56, flows.outerLow(flow));
    bytes.putShort(at + 64, (short) flows.clientPort(flow));
    bytes.putShort(at + 66, (short) flows.remotePort(flow));
    bytes.putShort(at + 68, (short) flows.outerPort(flow));
    bytes.put(at + 70, (byte) flows.scaleClient(flow));
    bytes.put(at + 71, (byte) flows.scaleServer(flow));
    bytes.putLong(at + 72, flows.sinceMs(flow));
  }

  /** Copies it to another place. */
  void copyTo(ByteBuffer other, int to) {
    other.put(to, bytes, at, BYTES);
  }

  /** Its number in the sender's table. */
  public int flow() {
    return bytes.getInt(at);
  }

  /** IPPROTO_TCP and so on. */
  public int protocol() {
    return bytes.get(at + 4) & 0xff;
  }

  /** Those of {@link FlowTable} that are in {@link #FLAGS}. */
  public int flags() {
    return bytes.get(at + 5) & 0xff;
  }

  /** How often it was taken over. */
  public int moves() {
    return bytes.get(at + 6) & 0xff;
  }

  /** The number of its session in the sender's table. */
  public int session() {
    return bytes.getInt(at + 8);
  }

  public long clientHigh() {
    return bytes.getLong(at + 16);
  }

  public long clientLow() {
    return bytes.getLong(at + 24);
  }

  public long remoteHigh() {
    return bytes.getLong(at + 32);
  }

  public long remoteLow() {
    return bytes.getLong(at + 40);
  }

  public long outerHigh() {
    return bytes.getLong(at + 48);
  }

  public long outerLow() {
    return bytes.getLong(at + 56);
  }

  /** For ICMP the echo's id. */
  public int clientPort() {
    return bytes.getShort(at + 64) & 0xffff;
  }

  public int remotePort() {
    return bytes.getShort(at + 66) & 0xffff;
  }

  public int outerPort() {
    return bytes.getShort(at + 68) & 0xffff;
  }

  /** Window scale of the client's SYN; -1 unknown. */
  public int scaleClient() {
    return bytes.get(at + 70);
  }

  /** Window scale of the server's SYN; -1 unknown. */
  public int scaleServer() {
    return bytes.get(at + 71);
  }

  /** When it began, milliseconds since 1970. */
  public long sinceMs() {
    return bytes.getLong(at + 72);
  }
}

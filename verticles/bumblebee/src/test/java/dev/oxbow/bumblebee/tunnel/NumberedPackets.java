package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A flow with connections of which the test is the client, packet by packet, at a steady rate both
 * ways. It sees each packet that is lost, doubled or out of order, also where TCP would hide it:
 *
 * <ul>
 *   <li>To the service: the client sends no segment twice, so one that is lost is missed for ever;
 *       and the kernel answers a segment that comes twice or too early with a SACK option (RFC
 *       2018, RFC 2883).
 *   <li>From the service: the kernel numbers the packets of a connection in the field
 *       Identification, those that it sends again included.
 * </ul>
 */
public final class NumberedPackets implements AutoCloseable {

  /** MSS 1460, SACK permitted. */
  private static final byte[] OPTIONS = {2, 4, 0x05, (byte) 0xb4, 4, 2, 1, 1};

  private static final int TCP_NODELAY = 1;
  private static final int FIRST_PORT = 5000;
  private static final int BUFFER_BYTES = 1 << 16;

  /** What a client has under way, less than any window. */
  private static final int MOST_UNDER_WAY = 16_000;

  private static final long PAUSE_NANOS = 300_000;

  private final RawFlow flow = new RawFlow();
  private final List<Line> lines = new ArrayList<>();
  private final long perSecond;
  private final NativeMemory buffer = NativeMemory.allocate(BUFFER_BYTES);
  private final Thread thread = new Thread(this::pump, "numbered-packets");
  private volatile boolean stopped;
  private volatile @Nullable Throwable failure;
  private long packetsIn;
  private long packetsOut;
  private volatile long pumpedNanos;

  /**
   * What was seen.
   *
   * @param in packets that were sent into the flow
   * @param out packets that came out of it
   * @param again segments that the kernel has sent again by itself, as no acknowledgment came
   * @param upPerSecond numbers that were sent into the flow in a second, of all connections
   * @param downPerSecond the same out of it
   * @param longestMs for which a connection heard nothing, either end
   */
  public record Figures(
      long in, long out, long again, long upPerSecond, long downPerSecond, double longestMs) {}

  /**
   * @param perSecond numbers in each direction, over all connections
   */
  public NumberedPackets(long perSecond) {
    this.perSecond = perSecond;
  }

  /** The end that is given away, owned by this. */
  public Descriptor flow() {
    return flow.flow();
  }

  /**
   * Opens a connection; before {@link #start}.
   *
   * @param accepted gives the kernel's socket of it, owned by this from here on
   */
  public void connect(Supplier<Descriptor> accepted) {
    int port = FIRST_PORT + lines.size();
    Packets packets = Packets.of("192.0.2.1", port, "198.51.100.9", 443);
    RawConnection client = RawConnection.open(flow, packets, OPTIONS);
    Descriptor server = accepted.get();
    Sockets.setOption(server.fd(), Sockets.IPPROTO_TCP, TCP_NODELAY, 1);
    lines.add(new Line(client, server));
    packetsIn += 2;
    packetsOut++;
  }

  /** One connection. */
  private static final class Line {
    private final RawConnection client;
    private final Descriptor server;
    private int acknowledged;
    private int identification = -1;
    private long upSent;
    private long upBytes;
    private long downSent;
    private long downBytes;
    private long again;
    private long upHeard = System.nanoTime();
    private long downHeard = System.nanoTime();
    private long longest;

    Line(RawConnection client, Descriptor server) {
      this.client = client;
      this.server = server;
      this.acknowledged = client.sequence();
    }

    void check(boolean right, String what, PacketView packet) {
      if (!right) {
        throw new AssertionError(
            what
                + ": identification "
                + packet.identification()
                + " after "
                + identification
                + ", sequence "
                + TcpHeader.sequence(packet)
                + ", expected "
                + client.acknowledgment()
                + ", "
                + packet.payloadLength()
                + " bytes, flags "
                + TcpHeader.flags(packet));
      }
    }

    /** A packet for the client. */
    void came(PacketView packet) {
      int number = packet.identification();
      boolean next = identification < 0 || number == ((identification + 1) & 0xffff);
      check(next, "a packet is missing, came twice or too early", packet);
      check(Checksum.transportValid(packet), "checksum", packet);
      check((TcpHeader.flags(packet) & ~TcpHeader.PSH) == TcpHeader.ACK, "flags", packet);
      boolean whole = TcpHeader.option(packet, TcpHeader.OPTION_SACK) < 0;
      check(whole, "what the client sent came twice or too early", packet);
      identification = number;
      acknowledged = TcpHeader.acknowledgment(packet);
      int known = client.acknowledgment() - TcpHeader.sequence(packet);
      check(known >= 0, "a segment is missing", packet);
      again += known > 0 && packet.payloadLength() > 0 ? 1 : 0;
      if (packet.payloadLength() > known) {
        for (int at = packet.payload() + known; at < packet.end(); at++) {
          boolean right = packet.memory().get(at) == numbered(downBytes++);
          check(right, "other bytes than were sent", packet);
        }
        client.received(packet.payloadLength() - known);
        downHeard = heard(downHeard);
      }
    }

    /** What the server has received, which must be what was sent next. */
    void came(byte[] bytes) {
      for (byte one : bytes) {
        if (one != numbered(upBytes++)) {
          throw new AssertionError("other bytes than were sent, at " + upBytes);
        }
      }
      upHeard = heard(upHeard);
    }

    private long heard(long before) {
      long now = System.nanoTime();
      longest = Math.max(longest, now - before);
      return now;
    }

    /** Numbers of 8 bytes, one after the other. */
    private static byte numbered(long position) {
      long shift = 8 * (Long.BYTES - 1 - position % Long.BYTES);
      return (byte) ((position / Long.BYTES) >>> shift);
    }

    boolean mayUp() {
      return client.sequence() - acknowledged < MOST_UNDER_WAY;
    }

    byte[] nextUp() {
      return client.next(bytes(upSent++));
    }

    boolean isThrough() {
      return upBytes == upSent * Long.BYTES && downBytes == downSent * Long.BYTES;
    }

    /** Segments that reached the server twice or out of order, as its kernel counts them. */
    long outOfOrder() {
      NativeMemory info = NativeMemory.allocate(512);
      int length = Sockets.tcpInfo(server.fd(), info);
      return new TcpInfo(info.bytes(0, length)).get("rcvOoopack");
    }
  }

  /** Begins. */
  public NumberedPackets start() {
    thread.setDaemon(true);
    thread.start();
    return this;
  }

  private void pump() {
    long began = System.nanoTime();
    long up = 0;
    long down = 0;
    try {
      while (!stopped) {
        long due = (System.nanoTime() - began) / 1000 * perSecond / 1_000_000;
        while (up < due && lineOf(up).mayUp()) {
          flow.send(lineOf(up++).nextUp());
          packetsIn++;
        }
        while (down < due && write(lineOf(down))) {
          down++;
        }
        receive();
        LockSupport.parkNanos(PAUSE_NANOS);
      }
      pumpedNanos = System.nanoTime() - began;
    } catch (RuntimeException | AssertionError e) {
      failure = e;
    }
  }

  private Line lineOf(long number) {
    return lines.get((int) (number % lines.size()));
  }

  private static byte[] bytes(long number) {
    return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
  }

  private boolean write(Line line) {
    buffer.putBytes(0, bytes(line.downSent), 0, Long.BYTES);
    int flags = Sockets.MSG_DONTWAIT;
    if (Sockets.send(line.server.fd(), buffer.address(), Long.BYTES, flags) != Long.BYTES) {
      return false;
    }
    line.downSent++;
    return true;
  }

  /** All that is there, at both ends. */
  private void receive() {
    for (byte[] packet = flow.receive(0); packet != null; packet = flow.receive(0)) {
      packetsOut++;
      PacketView view = Packets.view(packet);
      lines.get(view.destinationPort() - FIRST_PORT).came(view);
    }
    for (Line line : lines) {
      long n = Sockets.recv(line.server.fd(), buffer.address(), BUFFER_BYTES, Sockets.MSG_DONTWAIT);
      if (n == 0) {
        throw new AssertionError("a connection has ended");
      }
      if (n != Syscalls.AGAIN) {
        line.came(buffer.bytes(0, (int) n));
      }
    }
  }

  /** Fails when something was wrong. */
  public void check() {
    Throwable seen = failure;
    if (seen != null) {
      throw new AssertionError(seen.getMessage(), seen);
    }
  }

  /** Sends no more, and waits until all has arrived. */
  public Figures finish() throws InterruptedException {
    stopped = true;
    thread.join();
    check();
    Await.until(
        "all numbers arrive",
        () -> {
          receive();
          return lines.stream().allMatch(Line::isThrough);
        });
    if (lines.stream().anyMatch(line -> line.outOfOrder() != 0)) {
      throw new AssertionError("segments came out of order");
    }
    return new Figures(
        packetsIn,
        packetsOut,
        lines.stream().mapToLong(line -> line.again).sum(),
        perSecond(lines.stream().mapToLong(line -> line.upSent).sum()),
        perSecond(lines.stream().mapToLong(line -> line.downSent).sum()),
        lines.stream().mapToLong(line -> line.longest).max().orElseThrow() / 1e6);
  }

  private long perSecond(long numbers) {
    return Math.round(numbers * 1e9 / pumpedNanos);
  }

  /** Acknowledgments that came late; how many packets have come out of the flow in all. */
  public long receiveMore() {
    receive();
    return packetsOut;
  }

  @Override
  public void close() {
    stopped = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    lines.forEach(line -> line.server.close());
    flow.close();
  }
}

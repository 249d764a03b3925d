package dev.oxbow.bumblebee;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;

/**
 * The client of one connection in a flow, for a practice: it makes and reads its packets itself,
 * and needs no network. As much of TCP as a flow needs in which nothing is lost. One thread.
 */
final class PracticeClient {
  private static final int ROOM = 65_536;
  private static final int HEADERS = PacketView.IPV4_BYTES + TcpHeader.BYTES;

  // RFC 5737: documentation only.
  private static final byte[] CLIENT = {(byte) 192, 0, 2, 1};
  private static final byte[] SERVER = {(byte) 198, 51, 100, 1};

  private final Descriptor flow;
  private final int port;
  private final ByteBuffer packet = ByteBuffer.allocate(HEADERS + 1024);
  private final NativeMemory memory = NativeMemory.allocate(ROOM);
  private final PacketView view = new PacketView();
  private int sequence = 1;
  private int expected;

  /**
   * @param flow the end that the service does not have
   */
  PracticeClient(Descriptor flow, int port) {
    this.flow = flow;
    this.port = port;
  }

  /** Shakes hands. */
  void open() {
    segment(TcpHeader.SYN, 0);
    sequence++;
    receive();
    if ((TcpHeader.flags(view) & TcpHeader.SYN) == 0) {
      throw new IllegalStateException("a SYN of the practice was not answered by a SYN");
    }
    expected = TcpHeader.sequence(view) + 1;
    segment(TcpHeader.ACK, 0);
  }

  /** Sends segments, each as long as is said. */
  void send(int segments, int bytes) {
    for (int i = 0; i < segments; i++) {
      segment(TcpHeader.ACK, bytes);
      sequence += bytes;
    }
  }

  /** Takes so many bytes, and acknowledges each segment. */
  void take(int bytes) {
    for (int taken = 0; taken < bytes; ) {
      receive();
      if (view.payloadLength() > 0) {
        // The kernel sends again what waits for an acknowledgment while nobody carries it.
        boolean next = TcpHeader.sequence(view) == expected;
        taken += next ? view.payloadLength() : 0;
        expected += next ? view.payloadLength() : 0;
        segment(TcpHeader.ACK, 0);
      }
    }
  }

  private void segment(int flags, int payload) {
    int length = HEADERS + payload;
    int tcp = PacketView.IPV4_BYTES;
    packet.putShort(0, (short) 0x4500).putShort(2, (short) length).putInt(4, 0x4000);
    packet.put(8, (byte) 64).put(9, (byte) IpProtocol.TCP).putShort(10, (short) 0);
    packet.put(12, CLIENT).put(16, SERVER);
    packet.putShort(tcp, (short) port).putShort(tcp + 2, (short) 443);
    packet.putInt(tcp + 4, sequence).putInt(tcp + 8, expected);
    packet.put(tcp + 12, (byte) (TcpHeader.BYTES << 2)).put(tcp + 13, (byte) flags);
    packet.putShort(tcp + 14, (short) 0xffff).putInt(tcp + 16, 0);
    Checksum.fillHeader(packet, 0);
    parse(packet, length);
    Checksum.fill(view);
    memory.putBytes(0, packet.array(), 0, length);
    Sockets.send(flow.fd(), memory.address(), length, 0);
  }

  /** The next packet, into the view. */
  private void receive() {
    int patience = Practice.PATIENCE_MS;
    if (Sockets.poll(flow.fd(), Sockets.POLLIN, patience) == 0) {
      throw new IllegalStateException("a flow of the practice carries nothing");
    }
    long length = Sockets.recv(flow.fd(), memory.address(), ROOM, Sockets.MSG_DONTWAIT);
    parse(ByteBuffer.wrap(memory.bytes(0, (int) Math.max(0, length))), (int) length);
  }

  private void parse(ByteBuffer bytes, int length) {
    if (length <= 0 || view.parse(bytes, 0, length) != null) {
      throw new IllegalStateException("a flow of the practice carries what is no packet");
    }
  }
}

package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.ip.TcpHeader;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * Packets made by hand, from one end of a connection to the other.
 *
 * @param from address of the sender
 * @param fromPort its port
 * @param to address of the receiver
 * @param toPort its port
 */
record Packets(byte[] from, int fromPort, byte[] to, int toPort) {

  static Packets of(String from, int fromPort, String to, int toPort) {
    try {
      return new Packets(
          InetAddress.getByName(from).getAddress(),
          fromPort,
          InetAddress.getByName(to).getAddress(),
          toPort);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private int ipBytes() {
    return from.length == 4 ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES;
  }

  /** A segment without options. */
  byte[] segment(int flags, int sequence, int acknowledgment, byte[] payload) {
    return segment(flags, sequence, acknowledgment, new byte[0], payload);
  }

  /** A segment. */
  byte[] segment(int flags, int sequence, int acknowledgment, byte[] options, byte[] payload) {
    int header = TcpHeader.BYTES + options.length;
    ByteBuffer out = ip(IpProtocol.TCP, header + payload.length);
    int at = ipBytes();
    out.putShort(at, (short) fromPort).putShort(at + 2, (short) toPort);
    out.putInt(at + 4, sequence).putInt(at + 8, acknowledgment);
    out.put(at + 12, (byte) (header << 2)).put(at + 13, (byte) flags);
    out.putShort(at + 14, (short) 0xffff);
    out.put(at + TcpHeader.BYTES, options).put(at + header, payload);
    return finish(out);
  }

  /** "Fragmentation needed" or "packet too big" about a packet. */
  byte[] tooBig(int mtu, byte[] about) {
    boolean four = from.length == 4;
    int quoted = Math.min(about.length, 500);
    ByteBuffer out = ip(four ? IpProtocol.ICMP : IpProtocol.ICMPV6, 8 + quoted);
    int at = ipBytes();
    out.put(at, (byte) (four ? 3 : 2)).put(at + 1, (byte) (four ? 4 : 0));
    out.putInt(at + 4, mtu).put(at + 8, about, 0, quoted);
    return finish(out);
  }

  /** A datagram of UDP. */
  byte[] datagram(byte[] payload) {
    ByteBuffer out = ip(IpProtocol.UDP, 8 + payload.length);
    int at = ipBytes();
    out.putShort(at, (short) fromPort).putShort(at + 2, (short) toPort);
    out.putShort(at + 4, (short) (8 + payload.length)).put(at + 8, payload);
    return finish(out);
  }

  /** Two fragments of a packet without options or extensions. */
  static byte[][] fragments(byte[] packet, int firstBytes) {
    boolean four = packet[0] >> 4 == 4;
    int ip = four ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES;
    byte[][] fragments = new byte[2][];
    for (int i = 0; i < 2; i++) {
      int from = i == 0 ? 0 : firstBytes;
      int length = i == 0 ? firstBytes : packet.length - ip - firstBytes;
      int header = four ? ip : ip + 8;
      ByteBuffer out = ByteBuffer.allocate(header + length);
      out.put(0, packet, 0, ip).put(header, packet, ip + from, length);
      int more = i == 0 ? 1 : 0;
      if (four) {
        out.putShort(2, (short) (header + length)).putShort(4, (short) 77);
        out.putShort(6, (short) (more << 13 | from / 8)).putShort(10, (short) 0);
        Checksum.fillHeader(out, 0);
      } else {
        out.putShort(4, (short) (8 + length)).put(6, (byte) IpProtocol.FRAGMENT);
        out.put(ip, packet[6]).putShort(ip + 2, (short) (from | more)).putInt(ip + 4, 77);
      }
      fragments[i] = new byte[out.capacity()];
      out.get(0, fragments[i]);
    }
    return fragments;
  }

  /**
   * A packet without options or extensions, with an option that its destination does not take: a
   * route that begins before its own first octet (RFC 791), or one that nobody knows and of which
   * the sender is to be told (RFC 8200 4.2).
   */
  static byte[] withWrongOption(byte[] packet) {
    boolean four = packet[0] >> 4 == 4;
    int ip = four ? PacketView.IPV4_BYTES : PacketView.IPV6_BYTES;
    byte[] option = four ? new byte[] {7, 3, 2, 0} : new byte[] {6, 0, (byte) 0x9e, 4, 0, 0, 0, 0};
    ByteBuffer out = ByteBuffer.allocate(packet.length + option.length);
    out.put(0, packet, 0, ip).put(ip, option);
    out.put(ip + option.length, packet, ip, packet.length - ip);
    if (four) {
      out.put(0, (byte) 0x46).putShort(2, (short) out.capacity());
      Checksum.fillHeader(out, 0);
    } else {
      out.putShort(4, (short) (out.capacity() - ip)).put(6, (byte) IpProtocol.DSTOPTS);
    }
    return out.array();
  }

  private ByteBuffer ip(int protocol, int length) {
    ByteBuffer out = ByteBuffer.allocate(ipBytes() + length);
    if (from.length == 4) {
      out.put(0, (byte) 0x45).putShort(2, (short) (ipBytes() + length)).putShort(6, (short) 0x4000);
      out.put(8, (byte) 64).put(9, (byte) protocol).put(12, from).put(16, to);
    } else {
      out.put(0, (byte) 0x60).putShort(4, (short) length).put(6, (byte) protocol);
      out.put(7, (byte) 64).put(8, from).put(24, to);
    }
    return out;
  }

  private byte[] finish(ByteBuffer out) {
    if (from.length == 4) {
      Checksum.fillHeader(out, 0);
    }
    byte[] packet = new byte[out.capacity()];
    out.get(0, packet);
    Checksum.fill(view(packet));
    return packet;
  }

  /** A packet to be read. */
  static PacketView view(byte[] packet) {
    PacketView view = new PacketView();
    if (view.parse(ByteBuffer.wrap(packet), 0, packet.length) != null) {
      throw new AssertionError("no packet");
    }
    return view;
  }
}

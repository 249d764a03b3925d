package dev.oxbow.fish.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** Packets of a client, of either version of IP. */
final class Packets {
  static final int TCP_SYN = 2;
  static final int TCP_ACK = 16;
  private static final int HOPS = 64;

  private Packets() {}

  /** Where the client of a family is, which a server of the family is asked by. */
  static String client(String server) {
    return server.contains(":") ? "fd00::2" : "10.0.0.2";
  }

  static byte[] udp(String from, int port, String to, int remotePort, int bytes) {
    byte[] payload = new byte[8 + bytes];
    ByteBuffer.wrap(payload)
        .putShort((short) port)
        .putShort((short) remotePort)
        .putShort((short) payload.length);
    return ip(from, to, IpProtocol.UDP, HOPS, payload);
  }

  static byte[] tcp(String from, int port, String to, int remotePort, int flags) {
    byte[] payload = new byte[20];
    ByteBuffer.wrap(payload).putShort((short) port).putShort((short) remotePort);
    payload[12] = 5 << 4;
    payload[13] = (byte) flags;
    payload[14] = 127;
    return ip(from, to, IpProtocol.TCP, HOPS, payload);
  }

  static byte[] echo(String from, int id, String to) {
    boolean six = from.contains(":");
    byte[] payload = new byte[16];
    payload[0] = (byte) (six ? 128 : 8);
    ByteBuffer.wrap(payload).putShort(4, (short) id);
    return ip(from, to, six ? IpProtocol.ICMPV6 : IpProtocol.ICMP, HOPS, payload);
  }

  /** "Port unreachable" about a packet, from whom that is to. */
  static byte[] unreachable(String from, String to, byte[] about) {
    boolean six = from.contains(":");
    byte[] payload = new byte[8 + about.length];
    payload[0] = (byte) (six ? 1 : 3);
    payload[1] = (byte) (six ? 4 : 3);
    System.arraycopy(about, 0, payload, 8, about.length);
    return ip(from, to, six ? IpProtocol.ICMPV6 : IpProtocol.ICMP, HOPS, payload);
  }

  /** A part of a UDP datagram that is longer. */
  static byte[] fragment(String from, String to, int offset, boolean more) {
    byte[] payload = new byte[16];
    boolean six = from.contains(":");
    if (!six) {
      byte[] packet = ip(from, to, IpProtocol.UDP, HOPS, payload);
      ByteBuffer.wrap(packet).putShort(4, (short) 77);
      ByteBuffer.wrap(packet).putShort(6, (short) ((more ? 0x2000 : 0) | offset / 8));
      Checksum.fillHeader(ByteBuffer.wrap(packet), 0);
      return packet;
    }
    ByteBuffer all = ByteBuffer.allocate(8 + payload.length);
    all.put((byte) IpProtocol.UDP).put((byte) 0).putShort((short) (offset | (more ? 1 : 0)));
    all.putInt(77);
    return ip(from, to, 44, HOPS, all.array());
  }

  static byte[] ip(String from, String to, int protocol, int hops, byte[] payload) {
    byte[] source = address(from);
    boolean six = source.length == 16;
    int header = six ? 40 : 20;
    ByteBuffer packet = ByteBuffer.allocateDirect(header + payload.length);
    packet.position(header);
    packet.put(payload).flip();
    if (six) {
      packet.put(0, (byte) 0x60).putShort(4, (short) payload.length).put(6, (byte) protocol);
      packet.put(7, (byte) hops);
    } else {
      packet.put(0, (byte) 0x45).putShort(2, (short) packet.limit()).put(8, (byte) hops);
      packet.put(9, (byte) protocol);
    }
    packet.put(six ? 8 : 12, source).put(six ? 24 : 16, address(to));
    if (!six) {
      Checksum.fillHeader(packet, 0);
    }
    PacketView view = new PacketView();
    if (view.parse(packet, 0, packet.limit()) == null
        && !view.isFragment()
        && (view.hasPorts() || view.isIcmp())) {
      Checksum.fill(view);
      assertThat(Checksum.transportValid(view)).isTrue();
    }
    byte[] bytes = new byte[packet.limit()];
    packet.get(0, bytes);
    return bytes;
  }

  private static byte[] address(String text) {
    try {
      return InetAddress.getByName(text).getAddress();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package dev.oxbow.codecs.ip;

import java.nio.ByteBuffer;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

/** Builds well-formed packets byte by byte, with checksums of the plainest kind. */
public final class TestPacket {

  /** Packets lie at an odd position, as nothing promises another one. */
  public static final int OFFSET = 13;

  private int version = 4;
  private int protocol = IpProtocol.TCP;
  private int ipOptions;
  private byte[] transport = new byte[0];
  private byte[] options = new byte[0];
  private byte[] payload = new byte[0];
  private int flags;
  private int id;
  private int sequence = 1;
  private long address = 1;
  private boolean dontFragment;

  /** Copies bytes into direct memory, at {@link #OFFSET}. */
  public static ByteBuffer direct(byte[] bytes) {
    ByteBuffer memory = ByteBuffer.allocateDirect(OFFSET + bytes.length + 3);
    memory.put(OFFSET, bytes);
    return memory;
  }

  public TestPacket version(int version) {
    this.version = version;
    return this;
  }

  public TestPacket tcp(int flags) {
    this.protocol = IpProtocol.TCP;
    this.flags = flags;
    return this;
  }

  public TestPacket udp() {
    this.protocol = IpProtocol.UDP;
    return this;
  }

  /** An echo request. */
  public TestPacket echo() {
    this.protocol = version == 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
    return this;
  }

  public TestPacket id(int id) {
    this.id = id;
    return this;
  }

  public TestPacket sequence(int sequence) {
    this.sequence = sequence;
    return this;
  }

  public TestPacket dontFragment() {
    this.dontFragment = true;
    return this;
  }

  /** Bytes of IPv4 options, or of a destination options header. */
  public TestPacket ipOptions(int bytes) {
    this.ipOptions = bytes;
    return this;
  }

  public TestPacket address(long address) {
    this.address = address;
    return this;
  }

  /** TCP options after some NOPs; padded. */
  public TestPacket options(int nops, int... bytes) {
    options = new byte[(nops + bytes.length + 3) / 4 * 4];
    for (int i = 0; i < nops; i++) {
      options[i] = TcpHeader.OPTION_NOP;
    }
    for (int i = 0; i < bytes.length; i++) {
      options[nops + i] = (byte) bytes[i];
    }
    return this;
  }

  public TestPacket payload(byte[] payload) {
    this.payload = payload;
    return this;
  }

  public byte[] build() {
    transport = transport();
    int ip = version == 4 ? 20 + ipOptions : 40 + ipOptions;
    ByteBuffer packet = ByteBuffer.allocate(ip + transport.length);
    if (version == 4) {
      packet.put((byte) (0x40 | ip / 4)).put((byte) 0).putShort((short) packet.capacity());
      packet.putShort((short) id).putShort((short) (dontFragment ? 0x4000 : 0));
      packet.put((byte) 64).put((byte) protocol).putShort((short) 0);
      packet.putInt(0x0a000000 | (int) address).putInt(0xc0000201);
      for (int i = 0; i < ipOptions; i++) {
        packet.put((byte) 1);
      }
      packet.putShort(10, (short) checksum(packet.array(), ip, 0));
    } else {
      packet.putInt(6 << 28).putShort((short) (packet.capacity() - 40));
      packet.put((byte) (ipOptions > 0 ? IpProtocol.DSTOPTS : protocol)).put((byte) 64);
      packet.putLong(0x20010db8_00000000L).putLong(address);
      packet.putLong(0x20010db8_00010000L).putLong(2);
      if (ipOptions > 0) {
        packet.put((byte) protocol).put((byte) (ipOptions / 8 - 1));
        packet.put((byte) 1).put((byte) (ipOptions - 4));
      }
    }
    packet.position(ip);
    packet.put(transport);
    finish(packet, ip);
    return packet.array();
  }

  private byte[] transport() {
    ByteBuffer out;
    if (protocol == IpProtocol.TCP) {
      out = ByteBuffer.allocate(20 + options.length + payload.length);
      out.putShort((short) 40000).putShort((short) 80).putInt(sequence).putInt(7);
      out.put((byte) ((20 + options.length) << 2)).put((byte) flags).putShort((short) 1000);
      out.putInt(0).put(options);
    } else if (protocol == IpProtocol.UDP) {
      out = ByteBuffer.allocate(8 + payload.length);
      out.putShort((short) 40000).putShort((short) 53).putShort((short) out.capacity());
      out.putShort((short) 0);
    } else {
      out = ByteBuffer.allocate(8 + payload.length);
      out.put((byte) (version == 4 ? 8 : 128)).put((byte) 0).putShort((short) 0);
      out.putShort((short) id).putShort((short) 1);
    }
    return out.put(payload).array();
  }

  private void finish(ByteBuffer packet, int ip) {
    int length = packet.capacity() - ip;
    long sum = 0;
    if (protocol != IpProtocol.ICMP) {
      sum = (long) protocol + length;
      int from = version == 4 ? 12 : 8;
      int to = version == 4 ? 20 : 40;
      for (int at = from; at < to; at += 2) {
        sum += packet.getShort(at) & 0xffff;
      }
    }
    byte[] bytes = new byte[length];
    packet.get(ip, bytes);
    int checksum = checksum(bytes, length, sum);
    int at = protocol == IpProtocol.TCP ? 16 : protocol == IpProtocol.UDP ? 6 : 2;
    packet.putShort(ip + at, (short) (protocol == IpProtocol.UDP && checksum == 0 ? -1 : checksum));
  }

  /** Word by word. */
  private static int checksum(byte[] bytes, int length, long start) {
    long sum = start;
    for (int i = 0; i < length; i++) {
      sum += (bytes[i] & 0xff) << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return (int) (~sum & 0xffff);
  }

  /** Packets of all the kinds that can be built here; chosen by a seed, so that they shrink. */
  public static Arbitrary<byte[]> any() {
    return Arbitraries.longs().map(seed -> any(new Random(seed)));
  }

  static byte[] any(Random random) {
    TestPacket packet = new TestPacket().version(random.nextBoolean() ? 4 : 6);
    byte[] payload = new byte[random.nextInt(1, random.nextBoolean() ? 64 : 2000)];
    random.nextBytes(payload);
    packet.payload(payload).id(random.nextInt(0x10000)).address(random.nextInt(1, 1 << 24));
    packet.ipOptions(random.nextInt(3) * 8);
    switch (random.nextInt(3)) {
      case 0 -> {
        packet.tcp(random.nextInt(256)).sequence(random.nextInt());
        packet.options(random.nextInt(4), 8, 10, 0, 0, 0, 1, 0, 0, 0, random.nextInt(256));
      }
      case 1 -> packet.udp();
      default -> packet.echo();
    }
    return packet.build();
  }
}

package dev.oxbow.fish.network;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.PacketView;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.regex.Pattern;

/**
 * A range of addresses.
 *
 * @param high of the first address, as {@link PacketView} has them
 * @param low of the first address
 * @param version 4 or 6
 * @param length in bits, 0 to 32 or 128
 */
public record Prefix(long high, long low, int version, int length) {
  private static final Pattern NUMERIC = Pattern.compile("[0-9a-fA-F.:]+");

  /**
   * Reads {@code 100.64.0.0/10} or {@code 2001:db8::/64}; a host's address is a prefix of its whole
   * length.
   *
   * @throws IllegalArgumentException naming the text
   */
  public static Prefix parse(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? text : text.substring(0, slash);
    if (!NUMERIC.matcher(address).matches()) {
      throw new IllegalArgumentException("not an address: " + text);
    }
    try {
      byte[] bytes = InetAddress.getByName(address).getAddress();
      int bits = 8 * bytes.length;
      int length = slash < 0 ? bits : Integer.parseInt(text.substring(slash + 1));
      if (length < 0 || length > bits) {
        throw new IllegalArgumentException("not a prefix: " + text);
      }
      ByteBuffer all = ByteBuffer.wrap(bytes);
      Prefix prefix =
          bytes.length == 4
              ? new Prefix(
                  PacketView.V4_HIGH,
                  PacketView.V4_LOW | (Bytes.u32(all, 0) & 0xffff_ffffL),
                  4,
                  length)
              : new Prefix(Bytes.u64(all, 0), Bytes.u64(all, 8), 6, length);
      if (!prefix.isAligned()) {
        throw new IllegalArgumentException("bits set behind the prefix: " + text);
      }
      return prefix;
    } catch (UnknownHostException | NumberFormatException e) {
      throw new IllegalArgumentException("not a prefix: " + text, e);
    }
  }

  private boolean isAligned() {
    int host = (version == 4 ? 32 : 128) - length;
    long lowMask = host >= 64 ? -1L : (1L << host) - 1;
    long highMask = host <= 64 ? 0 : host == 128 ? -1L : (1L << (host - 64)) - 1;
    long ownLow = version == 4 ? low & 0xffff_ffffL : low;
    return (ownLow & lowMask) == 0 && (high & highMask) == 0;
  }

  /** How many addresses, at most {@code limit}. */
  public int addresses(int limit) {
    int host = (version == 4 ? 32 : 128) - length;
    return host >= 31 ? limit : Math.min(limit, 1 << host);
  }

  /** The number of an address within this prefix, or -1 when it is not in it or beyond an int. */
  public int indexOf(long addressHigh, long addressLow) {
    long index = addressLow - low;
    return addressHigh == high && index >= 0 && index <= Integer.MAX_VALUE ? (int) index : -1;
  }

  /** The first address, 4 or 16 bytes. */
  public byte[] address() {
    ByteBuffer bytes = ByteBuffer.allocate(version == 4 ? 4 : 16);
    if (version == 4) {
      Bytes.put32(bytes, 0, (int) low);
    } else {
      Bytes.put64(bytes, 0, high);
      Bytes.put64(bytes, 8, low);
    }
    return bytes.array();
  }

  @Override
  public String toString() {
    return text(high, low) + "/" + length;
  }

  /** An address as text: {@code 10.0.0.1}, {@code 2001:db8::1} (RFC 5952). */
  public static String text(long high, long low) {
    return dev.oxbow.codecs.tcp.SocketAddresses.address(high, low);
  }
}

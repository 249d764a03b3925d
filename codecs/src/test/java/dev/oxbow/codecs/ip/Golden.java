package dev.oxbow.codecs.ip;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One line of a file of packets that another implementation made: a kind, a name and fields.
 *
 * @param name what is special about it
 * @param fields in their order
 */
public record Golden(String name, Map<String, String> fields) {

  /** All lines of a kind; at least one. */
  public static List<Golden> of(Class<?> owner, String file, String kind) throws IOException {
    try (InputStream in = owner.getResourceAsStream(file)) {
      List<Golden> lines =
          new String(in.readAllBytes(), UTF_8)
              .lines()
              .map(line -> line.split(" ", -1))
              .filter(words -> words[0].equals(kind))
              .map(Golden::of)
              .toList();
      assertThat(lines).isNotEmpty();
      return lines;
    }
  }

  private static Golden of(String[] words) {
    Map<String, String> fields = new LinkedHashMap<>();
    for (int i = 2; i < words.length; i++) {
      int equals = words[i].indexOf('=');
      fields.put(words[i].substring(0, equals), words[i].substring(equals + 1));
    }
    return new Golden(words[1], fields);
  }

  /** A field as text. */
  public String text(String field) {
    assertThat(fields).containsKey(field);
    return fields.get(field);
  }

  /** A field as a number. */
  public int number(String field) {
    return Integer.parseInt(text(field));
  }

  /** A field as bytes. */
  public byte[] bytes(String field) {
    return HexFormat.of().parseHex(text(field));
  }

  /** A field as an address in two halves, as {@link PacketView} has them. */
  public long[] address(String field) throws IOException {
    byte[] bytes = InetAddress.getByName(text(field)).getAddress();
    ByteBuffer address = ByteBuffer.wrap(bytes);
    return bytes.length == 4
        ? new long[] {PacketView.V4_HIGH, PacketView.V4_LOW | (address.getInt(0) & 0xffff_ffffL)}
        : new long[] {address.getLong(0), address.getLong(8)};
  }

  @Override
  public String toString() {
    return name;
  }
}

package dev.oxbow.codecs.netlink;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/** What other tools exchanged with the kernel; src/test/golden/netlink.py made it. */
final class Golden {
  private static final Map<String, byte[]> MESSAGES = load();

  private Golden() {}

  static Map<String, byte[]> all() {
    return MESSAGES;
  }

  /** One message by name. */
  static byte[] bytes(String name) {
    byte[] message = MESSAGES.get(name);
    if (message == null) {
      throw new IllegalArgumentException("no golden " + name);
    }
    return message.clone();
  }

  /** The same without its sequence number, which is whatever the sender likes. */
  static String request(String name) {
    byte[] message = bytes(name);
    ByteBuffer.wrap(message).putInt(8, 0);
    return HexFormat.of().formatHex(message);
  }

  /** A reader that stands on a message. */
  static NetlinkReader reader(String name) {
    NetlinkReader reader = new NetlinkReader().over(ByteBuffer.wrap(bytes(name)));
    if (!reader.next()) {
      throw new IllegalArgumentException("golden " + name + " is empty");
    }
    return reader;
  }

  /** What a writer wrote, in hex. */
  static String written(java.util.function.Consumer<NetlinkWriter> write) {
    ByteBuffer out = ByteBuffer.allocateDirect(1024).order(ByteOrder.nativeOrder());
    write.accept(new NetlinkWriter(out));
    byte[] bytes = new byte[out.position()];
    out.get(0, bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private static Map<String, byte[]> load() {
    Map<String, byte[]> messages = new LinkedHashMap<>();
    try (InputStream in = Golden.class.getResourceAsStream("golden.txt")) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      text.lines()
          .map(line -> line.split(" ", -1))
          .forEach(line -> messages.put(line[0], HexFormat.of().parseHex(line[1])));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return messages;
  }
}

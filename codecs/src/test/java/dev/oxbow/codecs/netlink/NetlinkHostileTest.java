package dev.oxbow.codecs.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Whatever bytes come, readers answer with a value or with {@link NetlinkException}. */
class NetlinkHostileTest {
  private static final long FUZZ_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final List<Consumer<NetlinkReader>> READERS =
      List.of(
          NetlinkError::read,
          reader -> new LinkReader().read(reader),
          reader -> new AddressReader().read(reader),
          reader -> new RouteReader().read(reader),
          reader -> new SocketReader().read(reader).remoteWord(3),
          reader -> new ConntrackReader().read(reader));

  @Test
  void mutatedMessagesNeverHurt() {
    Random random = new Random(20261128);
    List<byte[]> seeds = List.copyOf(Golden.all().values());
    long deadline = System.nanoTime() + FUZZ_NANOS;
    long tried = 0;
    long refused = 0;
    while (System.nanoTime() < deadline) {
      byte[] message = seeds.get(random.nextInt(seeds.size())).clone();
      for (int flips = random.nextInt(1, 6); flips > 0; flips--) {
        message[random.nextInt(message.length)] = (byte) random.nextInt();
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(message.length + 1) : message.length;
      for (Consumer<NetlinkReader> reader : READERS) {
        tried++;
        refused += walk(message, length, reader) ? 0 : 1;
      }
    }
    assertThat(tried).isGreaterThan(10_000);
    assertThat(refused).isBetween(tried / 100, tried - tried / 100);
  }

  /** The message lies between bytes that nobody may read. */
  private static boolean walk(byte[] message, int length, Consumer<NetlinkReader> consumer) {
    ByteBuffer memory = ByteBuffer.allocate(message.length + 8);
    memory.put(4, message);
    NetlinkReader reader = new NetlinkReader().over(memory.slice(4, length));
    try {
      while (reader.next()) {
        consumer.accept(reader);
      }
      return true;
    } catch (NetlinkException e) {
      assertThat(e).hasMessageMatching("(?s).*\\d.*");
      return false;
    }
  }

  @Test
  void lengthsThatLieAreNamed() {
    byte[] tooLong = Golden.bytes("link.reply");
    assertThatThrownBy(() -> first(java.util.Arrays.copyOf(tooLong, 100)))
        .hasMessageContaining("nlmsg_len");
    assertThatThrownBy(() -> first(new byte[16])).hasMessageContaining("nlmsg_len 0");
    assertThatThrownBy(() -> first(new byte[7])).hasMessageContaining("7 bytes are no nlmsghdr");
    byte[] attribute = Golden.bytes("link.reply");
    ByteBuffer.wrap(attribute).order(ByteOrder.nativeOrder()).putShort(32, (short) 3);
    assertThatThrownBy(() -> new LinkReader().read(first(attribute)))
        .hasMessageContaining("nla_len 3 of attribute 3");
  }

  @Test
  void valuesOfTheWrongSizeAreNamed() {
    ByteBuffer memory = ByteBuffer.allocate(64);
    NetlinkWriter out = new NetlinkWriter(memory);
    out.begin(RouteMessages.RTM_NEWLINK, 0).zeros(16).u16(RouteMessages.IFLA_MTU, 7).end();
    NetlinkReader reader = new NetlinkReader().over(memory.flip());
    assertThat(reader.next()).isTrue();
    assertThatThrownBy(() -> new LinkReader().read(reader))
        .hasMessage("attribute 4 has 2 bytes; 4 are needed");
  }

  @Test
  void nestedAttributesStayInTheirParent() {
    ByteBuffer memory = ByteBuffer.allocateDirect(128);
    NetlinkWriter out = new NetlinkWriter(memory);
    out.begin(1, 0);
    int nest = out.nest(5);
    out.u8(1, 200).be16(2, 0xabcd).be32(3, 0x01020304);
    out.endNest(nest).string(6, "text").end();
    NetlinkReader reader = new NetlinkReader().over(memory.flip());
    assertThat(reader.next()).isTrue();
    Attributes outer = reader.attributes(new Attributes(), 0);
    assertThat(outer.next()).isTrue();
    assertThat(outer.type()).isEqualTo(5);
    Attributes inner = outer.nested(new Attributes());
    assertThat(inner.next() && inner.u8() == 200).isTrue();
    assertThat(inner.next() && inner.be16() == 0xabcd).isTrue();
    assertThat(inner.next() && inner.be32() == 0x01020304).isTrue();
    assertThat(inner.next()).isFalse();
    assertThat(outer.next()).isTrue();
    assertThat(outer.string()).isEqualTo("text");
    assertThat(outer.next()).isFalse();
    assertThat(reader.next()).isFalse();
  }

  @Test
  void whatDoesNotFitIsRefusedAndTakenBack() {
    ByteBuffer memory = ByteBuffer.allocateDirect(100);
    NetlinkWriter out = new NetlinkWriter(memory);
    RouteMessages.linkUp(out, 1, 1500, 0);
    int before = memory.position();
    assertThatThrownBy(() -> SocketMessages.dump(out, 2, 6, 1))
        .isInstanceOf(BufferOverflowException.class);
    out.undo();
    assertThat(memory.position()).isEqualTo(before);
  }

  private static NetlinkReader first(byte[] bytes) {
    NetlinkReader reader = new NetlinkReader().over(ByteBuffer.wrap(bytes));
    assertThat(reader.next()).isTrue();
    return reader;
  }
}

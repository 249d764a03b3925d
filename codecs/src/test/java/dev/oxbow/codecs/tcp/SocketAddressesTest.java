package dev.oxbow.codecs.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Locale;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SocketAddressesTest {

  @ParameterizedTest
  @CsvSource({
    "0a000001, 443, 10.0.0.1:443",
    "00000000, 0, 0.0.0.0:0",
    "ffffffff, 65535, 255.255.255.255:65535",
    "c6336409, 32768, 198.51.100.9:32768",
  })
  void showsIpv4(String address, int port, String text) {
    assertThat(SocketAddresses.text(sockaddr(2, port, 4, address, 0, 16))).isEqualTo(text);
  }

  /** The examples of RFC 5952, sections 4.1 to 4.3, and of RFC 4291, section 2.2. */
  @ParameterizedTest
  @CsvSource({
    "20010db8000000000000000000000001, [2001:db8::1]",
    "20010db8000000000000000000020001, [2001:db8::2:1]",
    "20010db8000000010001000100010001, [2001:db8:0:1:1:1:1:1]",
    "20010000000000010000000000000001, [2001:0:0:1::1]",
    "20010db8000000000001000000000001, [2001:db8::1:0:0:1]",
    "00000000000000000000000000000000, [::]",
    "00000000000000000000000000000001, [::1]",
    "00010000000000000000000000000000, [1::]",
    "00000001000100010001000100010001, [0:1:1:1:1:1:1:1]",
    "00010001000100010001000100010000, [1:1:1:1:1:1:1:0]",
    "ff010000000000000000000000000101, [ff01::101]",
    "0000000000000000000000000a000001, [::a00:1]",
    "20010db8aaaabbbbccccddddeeeeffff, [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]",
    "0000000000000000ffff000000000001, [::ffff:0:0:1]",
  })
  void compressesIpv6AsRfc5952Says(String address, String text) {
    byte[] sockaddr = sockaddr(10, 443, 8, address, 0, 28);
    assertThat(SocketAddresses.text(sockaddr)).isEqualTo(text + ":443");
  }

  @Test
  void showsMappedIpv4AsIpv4() {
    byte[] mapped = sockaddr(10, 80, 8, "00000000000000000000ffffc0000201", 0, 28);
    assertThat(SocketAddresses.text(mapped)).isEqualTo("192.0.2.1:80");
  }

  @Test
  void showsTheInterfaceOfALinkLocalAddress() {
    byte[] linkLocal = sockaddr(10, 22, 8, "fe80000000000000020000fffe000001", 3, 28);
    assertThat(SocketAddresses.text(linkLocal)).isEqualTo("[fe80::200:ff:fe00:1%3]:22");
  }

  @Test
  void knowsNothingOfOtherFamiliesAndOfWhatIsCutShort() {
    assertThat(SocketAddresses.text(new byte[] {1, 0})).isNull();
    assertThat(SocketAddresses.text(sockaddr(1, 0, 2, "2f746d70", 0, 110))).isNull();
    assertThat(SocketAddresses.text(new byte[0])).isNull();
    assertThat(SocketAddresses.text(new byte[] {2})).isNull();
    assertThat(SocketAddresses.text(sockaddr(2, 1, 4, "0a", 0, 7))).isNull();
    assertThat(SocketAddresses.text(sockaddr(10, 1, 8, "00", 0, 27))).isNull();
  }

  @Property
  void whatItShowsOfIpv6IsReadBackAsTheSameAddress(@ForAll @Size(16) byte[] address)
      throws Exception {
    byte[] sockaddr = sockaddr(10, 1, 8, HexFormat.of().formatHex(address), 0, 28);
    String text = String.valueOf(SocketAddresses.text(sockaddr));
    assertThat(text).isEqualTo(text.toLowerCase(Locale.ROOT)).endsWith(":1");
    String host = text.substring(0, text.length() - 2).replace("[", "").replace("]", "");
    assertThat(InetAddress.getByName(host)).isEqualTo(InetAddress.getByAddress(address));
  }

  @Property
  void neverThrows(@ForAll @Size(max = 128) byte[] anything) {
    SocketAddresses.text(anything);
  }

  private static byte[] sockaddr(
      int family, int port, int at, String address, int scope, int length) {
    ByteBuffer sockaddr = ByteBuffer.allocate(128).order(ByteOrder.nativeOrder());
    sockaddr.putShort(0, (short) family);
    sockaddr.put(2, (byte) (port >> 8)).put(3, (byte) port);
    sockaddr.put(at, HexFormat.of().parseHex(address));
    if (scope != 0) {
      sockaddr.putInt(24, scope);
    }
    return java.util.Arrays.copyOf(sockaddr.array(), length);
  }
}

package dev.oxbow.app.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class AddressTest {

  @ParameterizedTest
  @CsvSource({
    "example.org:443,example.org,443",
    "10.0.0.1:80,10.0.0.1,80",
    "[2001:db8::1]:443,2001:db8::1,443",
    "[fe80::1%eth0]:1,fe80::1%eth0,1",
    ":8080,'',8080",
    "8080,'',8080",
    "0,'',0"
  })
  void readsEveryForm(String text, String host, int port) {
    assertThat(Address.parse(text)).isEqualTo(new Address(host, port));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "host", "host:", "1:65536", "2001:db8::1:443", "[host]:1", "a b:1", ":-1"})
  void refusesAnythingElse(String text) {
    assertThatThrownBy(() -> Address.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected host:port, [IPv6]:port, :port or port");
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.1,80,10.0.0.1:80",
    "2001:db8::1,65535,[2001:db8::1]:65535",
    "::1,258,[::1]:258"
  })
  void becomesTheStructureThatTheKernelTakes(String host, int port, String text)
      throws UnknownHostException {
    assertThat(SocketAddresses.text(Sockaddr.of(InetAddress.getByName(host), port)))
        .isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"10.0.0.1,true", "::1,true", "'',true", "localhost,false"})
  void looksUpNamesOnly(String host, boolean literal) {
    assertThat(new Address(host, 1).isLiteral()).isEqualTo(literal);
  }
}

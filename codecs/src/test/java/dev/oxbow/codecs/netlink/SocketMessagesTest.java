package dev.oxbow.codecs.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests are those of ss, and the kernel's answers to it are understood. */
class SocketMessagesTest {

  @ParameterizedTest
  @CsvSource({"socket.dump4, 2", "socket.dump6, 10"})
  void socketsAreAskedForAsSsDoes(String golden, int family) {
    byte[] wanted = HexFormat.of().parseHex(Golden.request(golden));
    // ss wants details (idiag_ext); we do not.
    wanted[NetlinkWriter.HEADER_BYTES + 2] = 0;
    int established = 1 << SocketMessages.TCP_ESTABLISHED;
    assertThat(Golden.written(out -> SocketMessages.dump(out, family, 6, established)))
        .isEqualTo(HexFormat.of().formatHex(wanted));
  }

  @Test
  void socketIsRead() {
    SocketReader v4 = new SocketReader().read(Golden.reader("socket.reply4"));
    assertThat(v4.family()).isEqualTo(2);
    assertThat(v4.state()).isEqualTo(SocketMessages.TCP_ESTABLISHED);
    assertThat(v4.localPort()).isEqualTo(1234);
    assertThat(v4.remotePort()).isEqualTo(4321);
    assertThat(v4.localWord(0)).isEqualTo(0x7f000001);
    assertThat(v4.remoteWord(0)).isEqualTo(0x7f000001);
    assertThat(v4.remoteAddress(3)).isEqualTo((byte) 1);
    assertThat(v4.cookie()).isNotZero();
    assertThat(v4.inode()).isNotZero();
    assertThat(v4.uid()).isZero();
    SocketReader v6 = new SocketReader().read(Golden.reader("socket.reply6"));
    assertThat(v6.family()).isEqualTo(10);
    assertThat(v6.localPort()).isEqualTo(1234);
    assertThat(v6.localWord(0)).isZero();
    assertThat(v6.localWord(3)).isEqualTo(1);
    assertThat(v6.localAddress(15)).isEqualTo((byte) 1);
    assertThat(v6.remoteWord(3)).isEqualTo(1);
  }
}

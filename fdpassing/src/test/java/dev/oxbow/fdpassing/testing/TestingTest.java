package dev.oxbow.fdpassing.testing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DescriptorLeaks
class TestingTest {

  @ParameterizedTest
  @EnumSource
  void pairCarriesBytesBothWaysAndEndsBothWays(StreamPair.Kind kind) {
    try (StreamPair pair = kind.open()) {
      TestPeer far = pair.peer();
      TestPeer near = new TestPeer(pair.near());
      far.write("ping".getBytes(UTF_8));
      assertThat(near.read(4)).asString().isEqualTo("ping");
      far.halfClose();
      near.write("pong".getBytes(UTF_8));
      near.halfClose();
      assertThat(near.readAll()).isEmpty();
      assertThat(near.atEnd()).isTrue();
      assertThat(far.readAll()).asString().isEqualTo("pong");
    }
  }

  @ParameterizedTest
  @EnumSource
  void resetIsSeenAsSuchOnTcp(StreamPair.Kind kind) {
    try (StreamPair pair = kind.open()) {
      pair.peer().reset();
      TestPeer near = new TestPeer(pair.near());
      if (kind.isTcp()) {
        assertThatThrownBy(near::readAll)
            .isInstanceOfSatisfying(
                LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ECONNRESET));
      } else {
        assertThat(near.readAll()).isEmpty();
      }
    }
  }

  @Test
  void fullSocketTakesNoMore() {
    try (StreamPair pair = StreamPair.tcp4()) {
      TestPeer far = pair.peer();
      assertThat(far.fill()).isPositive();
      assertThat(far.tryWrite(new byte[1], 0)).isZero();
    }
  }

  @Test
  void countsDuplicatesAndMemfdsButNoFiles(@TempDir Path directory) throws Exception {
    OpenDescriptors before = OpenDescriptors.now();
    Path file = Files.writeString(directory.resolve("regular.jar"), "x");
    try (InputStream open = Files.newInputStream(file);
        StreamPair pair = StreamPair.unix();
        Descriptor duplicate = pair.near().duplicate();
        Descriptor memfd = Memfd.open("test", 4096)) {
      assertThat(open.read()).isEqualTo('x');
      OpenDescriptors more = OpenDescriptors.now().minus(before);
      assertThat(more.count()).isEqualTo(4);
      assertThat(more.toString()).contains(memfd.fd() + "=/memfd:test", duplicate.fd() + "=socket");
    }
    assertThat(OpenDescriptors.now().minus(before).isEmpty()).isTrue();
  }

  @Test
  void leakIsReportedWithItsNumberAndTarget() throws Exception {
    OpenDescriptors before = OpenDescriptors.now();
    try (StreamPair pair = StreamPair.tcp6()) {
      assertThat(OpenDescriptors.now().minus(before).toString())
          .matches("\\{\\d+=socket:\\[\\d+], \\d+=socket:\\[\\d+]}");
      assertThat(pair.near().isOpen()).isTrue();
    }
  }
}

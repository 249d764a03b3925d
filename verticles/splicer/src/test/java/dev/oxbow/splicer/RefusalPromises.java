package dev.oxbow.splicer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.StreamPair;
import dev.oxbow.splicer.load.Wire;
import io.vertx.core.buffer.Buffer;
import org.junit.jupiter.api.Test;

/** What is no pair of connected stream sockets is refused, with the reason, and left alone. */
interface RefusalPromises extends SplicerStage {

  @Test
  default void refusesWhatIsNoSocket() {
    Pipe pipe = Pipe.open(0);
    try (Wire wire = Wire.tcp();
        Descriptor memfd = Memfd.open("no-socket", 4096)) {
      ErrorCode code = ErrorCode.BAD_DESCRIPTORS;
      assertRefused(wire.a(), pipe.readEnd(), code, "b: not a socket");
      assertRefused(memfd, wire.b(), code, "a: not a socket");
      assertStillWorks(wire);
    } finally {
      pipe.close();
    }
  }

  @Test
  default void refusesTheSameSocketTwice() {
    try (Wire wire = Wire.tcp();
        Descriptor copy = wire.a().duplicate()) {
      assertRefused(wire.a(), copy, ErrorCode.BAD_DESCRIPTORS, "b: the same socket as a");
      assertStillWorks(wire);
    }
  }

  @Test
  default void refusesASocketThatIsInARelay() {
    try (Wire wire = Wire.tcp();
        Wire other = Wire.tcp();
        Descriptor copyA = wire.a().duplicate();
        Descriptor copyB = wire.b().duplicate()) {
      Relay relay = splice(wire);
      assertRefused(other.a(), copyA, ErrorCode.BAD_DESCRIPTORS, "b: already in a relay");
      assertRefused(copyB, other.b(), ErrorCode.BAD_DESCRIPTORS, "a: already in a relay");
      abort(relay).close();
      // Free again.
      abort(splice(new SpliceRequest(copyA, copyB))).close();
      assertStillWorks(other);
    }
  }

  @Test
  default void refusesListeningUnconnectedAndDatagramSockets() {
    int type = Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK;
    long pair = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_DGRAM);
    long packets = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    try (Wire wire = Wire.tcp();
        Descriptor listening = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, type));
        Descriptor unconnected = Descriptor.adopt(Sockets.socket(Sockets.AF_INET6, type));
        Descriptor unix = Descriptor.adopt(Sockets.socket(Sockets.AF_UNIX, type));
        Descriptor datagram = Descriptor.adopt((int) pair);
        Descriptor datagram2 = Descriptor.adopt((int) (pair >>> 32));
        Descriptor packet = Descriptor.adopt((int) packets);
        Descriptor packet2 = Descriptor.adopt((int) (packets >>> 32))) {
      Sockets.bind(listening.fd(), StreamPair.loopback4(0));
      Sockets.listen(listening.fd(), 1);
      ErrorCode code = ErrorCode.BAD_DESCRIPTORS;
      assertRefused(listening, wire.b(), code, "a: listens");
      assertRefused(wire.a(), unconnected, code, "b: not connected");
      assertRefused(unix, wire.b(), code, "a: not connected");
      assertRefused(wire.a(), datagram, code, "b: not a stream socket");
      assertRefused(datagram2, datagram, code, "a: not a stream socket");
      assertRefused(packet, packet2, code, "a: not a stream socket");
      assertStillWorks(wire);
    }
  }

  @Test
  default void refusesASocketWhoseConnectionWasReset() {
    try (Wire wire = Wire.tcp()) {
      wire.peerA().reset();
      Sockets.poll(wire.a().fd(), Sockets.POLLHUP, 5_000);
      assertRefused(wire.a(), wire.b(), ErrorCode.BAD_DESCRIPTORS, "a: not connected");
    }
  }

  @Test
  default void refusesMetadataThatIsTooLong() {
    RawJson metadata = RawJson.of("\"" + "m".repeat(1 << 20) + "\"");
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request = request(wire).setMetadata(metadata);
      assertRefused(request, ErrorCode.BAD_REQUEST, "metadata: longer than 1048576 bytes");
      assertStillWorks(wire);
    }
  }

  @Test
  default void requestRefusesLimitsAndPreludesOutOfRange() {
    try (Wire wire = Wire.tcp()) {
      SpliceRequest request = request(wire);
      assertThatThrownBy(() -> request.setIdleTimeoutMs(-1)).hasMessageContaining("idleTimeoutMs");
      assertThatThrownBy(() -> request.setHalfCloseTimeoutMs(-1))
          .hasMessageContaining("halfCloseTimeoutMs");
      assertThatThrownBy(() -> request.setMaxDurationMs(-1)).hasMessageContaining("maxDurationMs");
      assertThatThrownBy(() -> request.setMaxBytes(-1)).hasMessageContaining("maxBytes");
      Buffer long1 = Buffer.buffer(new byte[SpliceRequest.MAX_PRELUDE_BYTES + 1]);
      assertThatThrownBy(() -> request.setPreludeToA(long1)).hasMessageContaining("1048576");
      assertThatThrownBy(() -> request.setPreludeToB(long1)).hasMessageContaining("1048576");
    }
  }

  /** A descriptor that its owner has closed harms that request only. */
  @Test
  default void refusesADescriptorThatWasClosed() {
    try (Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      Relay running = splice(other);
      wire.a().close();
      SplicerException refusal =
          catchThrowableOfType(
              SplicerException.class, () -> EpollVertx.await(splicer().splice(request(wire))));
      assertThat(refusal.code()).isEqualTo(ErrorCode.BAD_DESCRIPTORS);
      assertThat(wire.b().isOpen()).isTrue();
      other.peerA().write("go on".getBytes(UTF_8));
      assertThat(other.peerB().read(5)).asString().isEqualTo("go on");
      abort(running).close();
    }
  }

  /** The sockets of a refused request can still be relayed. */
  private void assertStillWorks(Wire wire) {
    Relay relay = splice(wire);
    wire.peerA().write("fine".getBytes(UTF_8));
    assertThat(wire.peerB().read(4)).asString().isEqualTo("fine");
    abort(relay).close();
  }
}

package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import io.vertx.core.Vertx;

/** A running Splicer, and what the tests of all its promises do with it. */
interface SplicerStage {

  Vertx vertx();

  Splicer splicer();

  /** A request for the near ends of a wire. */
  default SpliceRequest request(Wire wire) {
    return new SpliceRequest(wire.a(), wire.b());
  }

  /** Starts a relay without limits. */
  default Relay splice(Wire wire) {
    return splice(request(wire));
  }

  default Relay splice(SpliceRequest request) {
    return EpollVertx.await(splicer().splice(request));
  }

  /** Waits for the end of a relay; the caller closes the report. */
  default SpliceReport report(Relay relay) {
    return EpollVertx.await(relay.finished());
  }

  /** Ends a relay and returns its report. */
  default SpliceReport abort(Relay relay) {
    EpollVertx.await(splicer().abort(relay.id()));
    return report(relay);
  }

  /** A number out of the service's counters. */
  default long stat(String name) {
    return EpollVertx.await(splicer().stats()).getLong(name);
  }

  /** Requires that a request is refused, and that its sockets are the caller's and untouched. */
  default void assertRefused(Descriptor a, Descriptor b, ErrorCode code, String why) {
    assertRefused(new SpliceRequest(a, b), code, why);
  }

  /** The same for a request that says more. */
  default void assertRefused(SpliceRequest request, ErrorCode code, String why) {
    int flagsA = flags(request.a());
    int flagsB = flags(request.b());
    SplicerException refusal =
        catchThrowableOfType(
            SplicerException.class, () -> EpollVertx.await(splicer().splice(request)));
    assertThat(refusal).hasMessageContaining(why);
    assertThat(refusal.code()).isEqualTo(code);
    assertThat(request.a().isOpen()).isTrue();
    assertThat(request.b().isOpen()).isTrue();
    assertThat(flags(request.a())).isEqualTo(flagsA);
    assertThat(flags(request.b())).isEqualTo(flagsB);
  }

  /** File status flags, fcntl(2). */
  static int flags(Descriptor descriptor) {
    return Syscalls.fcntl(descriptor.fd(), Syscalls.F_GETFL, 0);
  }

  /** What names a socket, whatever the descriptor. */
  static long cookie(Descriptor socket) {
    return Sockets.cookie(socket.fd());
  }
}

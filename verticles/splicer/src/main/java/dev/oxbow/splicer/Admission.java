package dev.oxbow.splicer;

import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Reserve;
import dev.oxbow.splicer.RelayService.Live;
import dev.oxbow.splicer.relay.LiveRelay;
import dev.oxbow.splicer.relay.RelaySpec;
import dev.oxbow.splicer.relay.Side;
import io.netty.util.collection.LongObjectMap;
import org.jspecify.annotations.Nullable;

/**
 * A request for a relay that was found in order and counted in its account: the sockets do not
 * block, the preludes are in pipes. All that is undone when the relay cannot begin. Control loop
 * only.
 */
final class Admission {
  private final Mailbox mailbox;
  private final SpliceRequest request;
  private final StreamSocket a;
  private final StreamSocket b;
  private final boolean guarded;
  private final Preludes preludes;
  private final int flagsA;
  private final int flagsB;
  private @Nullable Pipe toA;
  private @Nullable Pipe toB;

  private Admission(
      Mailbox mailbox, SpliceRequest request, StreamSocket a, StreamSocket b, Preludes preludes) {
    this.mailbox = mailbox;
    this.request = request;
    this.a = a;
    this.b = b;
    this.preludes = preludes;
    this.guarded = !mailbox.account().trusted();
    this.flagsA = Syscalls.fcntl(request.a().fd(), Syscalls.F_GETFL, 0);
    this.flagsB = Syscalls.fcntl(request.b().fd(), Syscalls.F_GETFL, 0);
  }

  /**
   * Examines a request, counts it and makes ready what it needs.
   *
   * @param busy has the cookies of the sockets that are in relays
   * @throws RequestException when it is refused; the sockets are as before then
   */
  static Admission of(
      Mailbox mailbox, SpliceRequest request, LongObjectMap<Boolean> busy, Reserve reserve) {
    request.requireOpen();
    Account account = mailbox.account();
    account.checkMetadata(request.metadata());
    StreamSocket a = StreamSocket.examine("a", request.a().fd());
    StreamSocket b = StreamSocket.examine("b", request.b().fd());
    if (a.cookie() == b.cookie()) {
      throw RequestException.badDescriptor("b", "the same socket as a");
    }
    refuseBusy("a", a, busy);
    refuseBusy("b", b, busy);
    Admission admission = new Admission(mailbox, request, a, b, new Preludes(account, reserve));
    admission.count();
    try {
      admission.prepare();
    } catch (RuntimeException e) {
      admission.undo();
      throw e;
    }
    return admission;
  }

  private static void refuseBusy(String name, StreamSocket socket, LongObjectMap<Boolean> busy) {
    if (busy.containsKey(socket.cookie())) {
      throw RequestException.badDescriptor(name, "already in a relay");
    }
  }

  private void count() {
    Account account = mailbox.account();
    account.addWork(account.limits().getRelays(), "relays");
    try {
      account.addBytes(request.metadata().length());
    } catch (RuntimeException e) {
      account.removeWork();
      throw e;
    }
  }

  private void prepare() {
    toA = preludes.fill(Side.A, request.preludeToA());
    toB = preludes.fill(Side.B, request.preludeToB());
    if (!guarded) {
      Syscalls.fcntl(request.a().fd(), Syscalls.F_SETFL, flagsA | Syscalls.O_NONBLOCK);
      Syscalls.fcntl(request.b().fd(), Syscalls.F_SETFL, flagsB | Syscalls.O_NONBLOCK);
    }
  }

  /** The relay did not begin: the sockets are as before, and nothing counts any more. */
  void undo() {
    if (!guarded) {
      Syscalls.tryFcntl(request.a().fd(), Syscalls.F_SETFL, flagsA);
      Syscalls.tryFcntl(request.b().fd(), Syscalls.F_SETFL, flagsB);
    }
    preludes.close();
    Account account = mailbox.account();
    account.removeBytes(request.metadata().length());
    account.removeWork();
  }

  Preludes preludes() {
    return preludes;
  }

  /** What the data plane is to do. */
  RelaySpec spec(long id) {
    return new RelaySpec(
        id,
        mailbox.account().uid(),
        guarded,
        request.a().fd(),
        request.b().fd(),
        a.tcp(),
        b.tcp(),
        flagsA,
        flagsB,
        toA,
        request.preludeToA().length(),
        toB,
        request.preludeToB().length(),
        request.idleTimeoutMs(),
        request.halfCloseTimeoutMs(),
        request.maxDurationMs(),
        request.maxBytes());
  }

  /** The relay that has begun. */
  Live live(String name, LiveRelay running) {
    return new Live(
        name, guarded, mailbox, request.metadata(), request.a(), request.b(), a, b, running);
  }
}

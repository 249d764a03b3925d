package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.ControlOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.mailbox.Mailboxes;
import dev.oxbow.service.mailbox.Recipient;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Accepts control connections of one service. Control loop only. */
public final class ControlServer {
  private static final Logger log = LoggerFactory.getLogger(ControlServer.class);

  private static final String CARGO = "control";
  private static final String LISTENER = "listener";
  private static final int ACCEPTS_PER_TURN = 64;
  private static final long RETRY_NANOS = 100_000_000;

  private final DescriptorLoop loop;
  private final ServiceSpec spec;
  private final Access access;
  private final Accounts accounts;
  private final Mailboxes mailboxes;
  private final PacketBuffer buffer = new PacketBuffer();
  private final Set<ControlConnection> connections = new LinkedHashSet<>();
  private final TaskGroup bodies = new TaskGroup();
  private long startNanos = System.nanoTime();
  private @Nullable Descriptor listener;
  private @Nullable Registration registration;
  private @Nullable Promise<Void> freezing;

  public ControlServer(
      DescriptorLoop loop,
      ServiceSpec spec,
      ControlOptions options,
      Accounts accounts,
      Mailboxes mailboxes) {
    this.loop = loop;
    this.spec = spec;
    this.access = new Access(options);
    this.accounts = accounts;
    this.mailboxes = mailboxes;
  }

  /**
   * Starts to accept.
   *
   * @param bound a listener that is owned by this server from here on
   */
  public void listen(Descriptor bound) {
    listener = bound;
    registration = loop.register(bound.fd(), Readiness.EPOLLIN, events -> accept());
  }

  /**
   * Stops to accept, and to read and answer requests, after those that have come are answered; what
   * comes meanwhile waits in the kernel. Events stay in their mailboxes. Fails when it is given up
   * before that is so.
   *
   * <p>No request is in between then, read and not run: a channel reads one packet at a time and
   * keeps none ({@link dev.oxbow.fdpassing.message.PacketChannel}), a request runs in the turn in
   * which it was read, and those in memfds are waited for.
   */
  public Future<Void> freeze() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
    connections.forEach(ControlConnection::finishRequests);
    Promise<Void> frozen = Promise.promise();
    freezing = frozen;
    // Behind what the last requests have begun.
    bodies.whenIdle().onSuccess(v -> loop.execute(() -> frozen(frozen)));
    return frozen.future();
  }

  private void frozen(Promise<Void> frozen) {
    if (freezing == frozen) {
      freezing = null;
      connections.forEach(ControlConnection::freeze);
      mailboxes.all().forEach(Mailbox::freeze);
      frozen.complete();
    }
  }

  /** A {@link #freeze()} that has not completed fails, and nothing more comes of it. */
  public void giveUpFreeze() {
    Promise<Void> late = freezing;
    freezing = null;
    if (late != null) {
      late.fail(new IllegalStateException("given up before the last request was answered"));
    }
  }

  /** Goes on. */
  public void thaw() {
    giveUpFreeze();
    Descriptor bound = listener;
    if (registration == null && bound != null) {
      registration = loop.register(bound.fd(), Readiness.EPOLLIN, events -> accept());
    }
    List.copyOf(connections).forEach(ControlConnection::thaw);
    mailboxes.all().forEach(Mailbox::thaw);
    connections.stream().map(ControlConnection::anonymous).toList().forEach(Mailbox::thaw);
  }

  /**
   * Gives out what another process needs to go on with listener, connections and mailboxes. To be
   * called while frozen.
   *
   * @return the numbers of the mailboxes, for the work that will post there
   */
  public MailboxStore export(Cargo cargo) {
    MailboxStore store = new MailboxStore();
    mailboxes.all().forEach(store::add);
    List<ControlConnection> all = List.copyOf(connections);
    all.forEach(connection -> store.add(connection.anonymous()));
    List<MessageWriter> records = new ArrayList<>();
    records.add(new MessageWriter().string("kind", "server").number("startNanos", startNanos));
    records.add(mailboxes.export());
    store.export(cargo, records);
    for (int i = 0; i < all.size(); i++) {
      all.get(i).export(i, store, cargo, records);
    }
    for (Mailbox mailbox : mailboxes.all()) {
      for (Recipient recipient : mailbox.recipients()) {
        records.add(
            new MessageWriter()
                .string("kind", "recipient")
                .number("mailbox", store.numberOf(mailbox))
                .number("connection", all.indexOf(recipient)));
      }
    }
    cargo.records(CARGO, records).lend(LISTENER, Objects.requireNonNull(listener));
    return store;
  }

  /**
   * Takes over from another process; frozen until {@link #thaw()}.
   *
   * @return the mailboxes by the numbers that they had there
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public MailboxStore inherit(Cargo cargo) {
    listener = cargo.take(LISTENER);
    return new ControlHeir(this, cargo).restore(cargo.records(CARGO));
  }

  ControlConnection restoreConnection(Descriptor socket) {
    Account account = accounts.of(Sockets.peerCredentials(socket.fd())[1] & 0xffffffffL);
    account.countConnection();
    ControlConnection connection = new ControlConnection(this, socket, account, true);
    connections.add(connection);
    return connection;
  }

  void startedAt(long nanos) {
    startNanos = nanos;
  }

  /** Requests that are being read from memfds. */
  TaskGroup bodies() {
    return bodies;
  }

  /** Events of open connections without an app that have not gone out yet. */
  public long undelivered() {
    return connections.stream().mapToLong(ControlConnection::undelivered).sum();
  }

  /** Closes the listener and all connections. */
  public void close() {
    if (registration != null) {
      registration.cancel();
    }
    if (listener != null) {
      listener.close();
    }
    List.copyOf(connections).forEach(ControlConnection::close);
  }

  DescriptorLoop loop() {
    return loop;
  }

  ServiceSpec spec() {
    return spec;
  }

  Accounts accounts() {
    return accounts;
  }

  Mailboxes mailboxes() {
    return mailboxes;
  }

  PacketBuffer buffer() {
    return buffer;
  }

  void forget(ControlConnection connection) {
    connections.remove(connection);
  }

  /** Counters that every service has, and its own. */
  MessageWriter stats(MessageWriter answer) {
    answer
        .object("stats")
        .number("uptimeMs", (System.nanoTime() - startNanos) / 1_000_000)
        .number("connections", connections.size())
        .number("mailboxes", mailboxes.count())
        .number("mailboxEvents", mailboxes.events())
        .number("mailboxDropped", mailboxes.dropped())
        .number("descriptors", accounts.all().stream().mapToLong(Account::descriptors).sum())
        .number("heldBytes", accounts.all().stream().mapToLong(Account::bytes).sum())
        .number("descriptorLimit", Syscalls.descriptorLimit());
    spec.stats().accept(answer);
    return answer.end();
  }

  private void accept() {
    Descriptor bound = listener;
    for (int i = 0; i < ACCEPTS_PER_TURN && bound != null && bound.isOpen(); i++) {
      try {
        int fd = Sockets.accept(bound.fd());
        if (fd < 0) {
          return;
        }
        admit(Descriptor.adopt(fd));
      } catch (LinuxException e) {
        log.warn("{}: cannot accept for now: {}", spec.name(), e.getMessage());
        pause();
        return;
      }
    }
  }

  private void admit(Descriptor socket) {
    int[] peer = Sockets.peerCredentials(socket.fd());
    long uid = peer[1] & 0xffffffffL;
    long gid = peer[2] & 0xffffffffL;
    if (!access.allows(socket.fd(), uid, gid)) {
      log.warn("{}: uid {} gid {} pid {} is not allowed", spec.name(), uid, gid, peer[0]);
      String why = "uid " + uid + " and gid " + gid + " may not use this service";
      refuse(socket, uid, ErrorCode.NOT_AUTHORIZED, why);
      return;
    }
    if (accounts.reserve().contains(socket.fd())) {
      refuse(socket, uid, ErrorCode.QUOTA_EXCEEDED, "the service has no descriptor left");
      return;
    }
    Account account = accounts.of(uid);
    if (!account.addConnection()) {
      String why = "uid " + uid + " has as many connections as it may: " + account.connections();
      refuse(socket, uid, ErrorCode.QUOTA_EXCEEDED, why);
      return;
    }
    try {
      connections.add(new ControlConnection(this, socket, account, false));
    } catch (RuntimeException e) {
      account.removeConnection();
      socket.close();
      throw e;
    }
  }

  private void refuse(Descriptor socket, long uid, ErrorCode code, String why) {
    try {
      buffer.send(socket.fd(), MessageWriter.error(null, code, why).bytes(), List.of());
    } catch (LinuxException e) {
      log.debug("{}: a refused peer has gone: {}", spec.name(), e.getMessage());
    }
    // It can send no more now. Descriptors in what it has sent are closed with it, and that can
    // block, as with a lingering socket: not here.
    Sockets.shutdown(socket.fd(), Sockets.SHUT_RDWR);
    accounts.of(uid).executeClose(() -> discard(socket));
  }

  /**
   * Closes a connection after reading what came: unread, it would make the peer's next call fail
   * (ECONNRESET) before it has seen why it was refused.
   */
  private void discard(Descriptor socket) {
    NativeMemory memory = NativeMemory.allocate(1);
    try (socket) {
      long n;
      do {
        n = Sockets.recv(socket.fd(), memory.address(), 1, Sockets.MSG_DONTWAIT);
      } while (n > 0);
    } catch (LinuxException e) {
      log.debug("{}: a refused peer has gone: {}", spec.name(), e.getMessage());
    }
  }

  /** Not even the reserve helped: leaves connections in the queue for a moment. */
  private void pause() {
    Registration accepting = registration;
    if (accepting != null) {
      accepting.want(0);
      loop.schedule(() -> accepting.want(Readiness.EPOLLIN), RETRY_NANOS);
    }
  }
}

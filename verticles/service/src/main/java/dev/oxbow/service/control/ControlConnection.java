package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketChannel;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.mailbox.Recipient;
import dev.oxbow.service.quota.Account;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One control connection: requests in, answers in their order, events behind them. It reads the
 * next request only when all answers so far have gone out. Control loop only.
 */
final class ControlConnection implements Client, Recipient, PacketChannel.Listener {
  private static final Logger log = LoggerFactory.getLogger(ControlConnection.class);

  /** Name of a connection's socket in a cargo, before its number. */
  static final String SOCKET = "connection/";

  private static final Pattern APP = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private final ControlServer server;
  private final Account account;
  private final PacketChannel channel;
  private final Outbox out;
  private final Mailbox anonymous;
  private @Nullable Mailbox named;
  private boolean acks;
  private boolean readingBody;
  private boolean relieving;
  private boolean awaitingTurn;
  private boolean finishing;

  ControlConnection(ControlServer server, Descriptor socket, Account account, boolean frozen) {
    this.server = server;
    this.account = account;
    this.anonymous = Mailbox.anonymous(account, server.loop());
    anonymous.attach(new Unnamed());
    this.channel =
        frozen
            ? PacketChannel.frozen(server.loop(), socket, server.buffer(), this)
            : new PacketChannel(server.loop(), socket, server.buffer(), this);
    this.out = new Outbox(server, channel, account, this::close);
  }

  /** Reads no more requests; those that have come are still answered. */
  void finishRequests() {
    finishing = true;
    updateReading();
  }

  /** Touches nothing until {@link #thaw()}. */
  void freeze() {
    channel.freeze();
    anonymous.freeze();
  }

  void thaw() {
    finishing = false;
    channel.thaw();
    updateReading();
  }

  /** The mailbox of what was started before it named an app. */
  Mailbox anonymous() {
    return anonymous;
  }

  /** Writes what another process needs to go on with this connection, and lends its socket. */
  void export(int number, MailboxStore store, Cargo cargo, List<MessageWriter> records) {
    cargo.lend(SOCKET + number, channel.socket());
    records.add(
        new MessageWriter()
            .string("kind", "connection")
            .number("connection", number)
            .number("mailbox", named == null ? -1 : store.numberOf(named))
            .flag("acks", acks));
    for (byte[] answer : out.waiting()) {
      records.add(
          new MessageWriter()
              .string("kind", "answer")
              .number("connection", number)
              .string("answer", new String(answer, StandardCharsets.UTF_8)));
    }
  }

  /** Takes over what {@link #export} said of the connection itself. */
  void restore(Message record, MailboxStore store) {
    long mailbox = record.integer("mailbox", -1, Integer.MAX_VALUE);
    named = mailbox < 0 ? null : store.get(mailbox);
    acks = record.flag("acks", false);
  }

  /** Takes over an answer that waited. */
  void restoreAnswer(Message record) {
    out.restore(record.string("answer").getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public Account account() {
    return account;
  }

  long undelivered() {
    return anonymous.size();
  }

  @Override
  public Mailbox mailbox() {
    return named == null ? anonymous : named;
  }

  @Override
  public boolean owns(Mailbox mailbox) {
    return mailbox == named || mailbox == anonymous || account.uid() == 0;
  }

  @Override
  public boolean acks() {
    return acks;
  }

  @Override
  public boolean owns() {
    return false;
  }

  /** However many connections a uid has, they share its time. */
  @Override
  public void readable() {
    if (account.share().spent()) {
      awaitTurn();
    }
  }

  private void awaitTurn() {
    if (!awaitingTurn) {
      awaitingTurn = true;
      account.share().whenFree(this::turn);
      updateReading();
    }
  }

  private void turn() {
    awaitingTurn = false;
    updateReading();
    channel.read();
  }

  @Override
  public void packet(Packet packet) {
    long begin = System.nanoTime();
    request(packet);
    account.share().used(System.nanoTime() - begin);
    if (account.share().usedUp()) {
      awaitTurn();
    }
  }

  private void request(Packet packet) {
    account.addDescriptors(packet.descriptors().size());
    Message message = null;
    List<String> names;
    try {
      if (packet.tooLong()) {
        throw RequestException.badField("message", "longer than 65536 bytes; use a body memfd");
      }
      message = Message.parse(packet.bytes());
      checkArrived(packet);
      names = Inbound.names(message, packet.descriptors().size());
      if (Inbound.announcesBody(message)) {
        readBody(message, packet.descriptors());
        return;
      }
    } catch (RuntimeException e) {
      refuse(message, Refusals.of(e), packet.descriptors());
      return;
    }
    run(message, names, packet.descriptors());
  }

  private void checkArrived(Packet packet) {
    boolean scarce = packet.descriptorsLost();
    for (Descriptor descriptor : packet.descriptors()) {
      scarce |= server.accounts().reserve().contains(descriptor.fd());
    }
    if (scarce) {
      throw new RequestException(
          ErrorCode.QUOTA_EXCEEDED, "the service has no descriptor number left for yours");
    }
    if (!packet.descriptors().isEmpty()) {
      account.checkDescriptors();
    }
  }

  /** Large messages are read and parsed on the uid's own thread; the next request waits. */
  private void readBody(Message outer, List<Descriptor> descriptors) {
    readingBody = true;
    server.bodies().begin();
    updateReading();
    // The peer may go before it is read, and its mailbox must not be forgotten then.
    Mailbox addressed = mailbox();
    addressed.use();
    account.execute(
        () -> {
          Message inner = null;
          RequestException failure = null;
          try {
            inner = Inbound.readBody(outer, descriptors.get(0));
          } catch (LinuxException e) {
            failure = RequestException.badDescriptor(Inbound.BODY, String.valueOf(e.getMessage()));
          } catch (RuntimeException | OutOfMemoryError e) {
            failure = Refusals.of(e);
          }
          Message message = inner;
          RequestException error = failure;
          try {
            server.loop().execute(() -> bodyRead(addressed, outer, message, error, descriptors));
          } catch (RejectedExecutionException e) {
            log.debug("{}: ended while a body was read", server.spec().name());
            server.bodies().end();
            Descriptor.closeAll(descriptors);
          }
        });
  }

  private void bodyRead(
      Mailbox addressed,
      Message outer,
      @Nullable Message inner,
      @Nullable RequestException error,
      List<Descriptor> descriptors) {
    readingBody = false;
    long begin = System.nanoTime();
    if (inner == null || error != null) {
      refuse(outer, Objects.requireNonNull(error), descriptors);
    } else {
      account.close(descriptors.subList(0, 1), Account.Manner.PLAIN);
      List<Descriptor> rest = descriptors.subList(1, descriptors.size());
      run(inner, inner.strings("fds"), rest);
    }
    addressed.unuse();
    server.bodies().end();
    account.share().used(System.nanoTime() - begin);
    updateReading();
  }

  private void run(Message message, List<String> names, List<Descriptor> descriptors) {
    Request request;
    try {
      RawJson id = message.id();
      if (id == null) {
        throw RequestException.badField("id", "missing or neither a number nor a string");
      }
      request = new Request(id, message, this, names, descriptors);
    } catch (RequestException e) {
      refuse(message, e, descriptors);
      return;
    }
    Outbound answer;
    try {
      answer = Outbound.of(apply(request).bytes(), List.of(), List.of());
    } catch (RuntimeException e) {
      refuse(message, Refusals.of(e), request.left());
      return;
    }
    account.close(request.left(), Account.Manner.PLAIN);
    answer(answer);
  }

  private MessageWriter apply(Request request) {
    String op = request.message().string("op");
    return switch (op) {
      case "hello" -> hello(request);
      case "ack" -> ack(request);
      case "stats" -> stats(request);
      default -> {
        Operation operation = server.spec().operations().get(op);
        if (operation == null) {
          throw new RequestException(
              ErrorCode.UNKNOWN_OP, server.spec().name() + " has no op " + op);
        }
        yield operation.apply(request);
      }
    };
  }

  private MessageWriter stats(Request request) {
    request.requireDescriptors();
    return server.stats(request.ok());
  }

  private MessageWriter ack(Request request) {
    request.requireDescriptors();
    if (named == null) {
      throw RequestException.badField("op", "ack comes after hello");
    }
    named.ack(request.message().integer("seq", 1, Long.MAX_VALUE));
    return request.ok();
  }

  private MessageWriter hello(Request request) {
    request.requireDescriptors();
    String app = request.message().string("app");
    if (!APP.matcher(app).matches()) {
      throw RequestException.badField("app", "must match [A-Za-z0-9._-]{1,64}");
    }
    boolean wantsAcks = request.message().flag("acks", false);
    if (named != null && !app.equals(named.app())) {
      throw RequestException.badField("app", "this connection is that of " + named.app());
    }
    MessageWriter answer =
        request
            .ok()
            .string("service", server.spec().name())
            .number("protocol", ServiceSpec.PROTOCOL)
            .string("version", server.spec().version())
            .number("pid", ProcessHandle.current().pid());
    acks = wantsAcks;
    Mailbox mailbox = server.mailboxes().of(account, app);
    named = mailbox;
    mailbox.use();
    // Behind the answer, which is queued when this op returns.
    server.loop().execute(() -> attach(mailbox));
    return answer;
  }

  private void attach(Mailbox mailbox) {
    if (channel.isOpen()) {
      mailbox.attach(this);
    }
    mailbox.unuse();
  }

  private void refuse(@Nullable Message message, RequestException e, List<Descriptor> descriptors) {
    account.close(descriptors, Account.Manner.PLAIN);
    byte[] error = Refusals.answer(message == null ? null : message.id(), e);
    answer(Outbound.of(error, List.of(), List.of()));
  }

  private void answer(Outbound answer) {
    out.add(answer);
    updateReading();
  }

  @Override
  public boolean deliver(Event event, long seq) {
    return out.send(event, acks ? seq : 0);
  }

  /** What was started before hello goes to this connection and to no other. */
  private final class Unnamed implements Recipient {
    @Override
    public boolean acks() {
      return false;
    }

    @Override
    public boolean owns() {
      return false;
    }

    @Override
    public boolean deliver(Event event, long seq) {
      return out.send(event, 0);
    }
  }

  @Override
  public void writable() {
    if (out.sendAnswers()) {
      anonymous.flush();
      if (named != null) {
        named.flush();
      }
    }
    updateReading();
  }

  private void updateReading() {
    if (account.overloaded() && !relieving) {
      relieving = true;
      account.whenRelieved(this::relieved);
    }
    channel.setReading(out.isEmpty() && !readingBody && !relieving && !awaitingTurn && !finishing);
  }

  private void relieved() {
    relieving = false;
    updateReading();
  }

  @Override
  public void closed() {
    out.clear();
    account.removeConnection();
    server.forget(this);
    if (named != null) {
      named.detach(this);
    }
    anonymous.detachAll();
  }

  /** The service closes the connection. */
  void close() {
    if (channel.isOpen()) {
      channel.close();
      closed();
    }
  }
}

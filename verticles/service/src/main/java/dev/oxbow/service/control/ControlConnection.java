package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
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
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One control connection: requests in, answers in their order, events behind them. It reads the
 * next request only when all answers so far have gone out. Control loop only.
 */
final class ControlConnection implements Client, Recipient, PacketChannel.Listener {
  /** Name of a connection's socket in a cargo, before its number. */
  static final String SOCKET = "connection/";

  private static final Pattern APP = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private final ControlServer server;
  private final Account account;
  private final PacketChannel channel;
  private final Outbox out;
  private final Requests requests;
  private final Mailbox anonymous;
  private @Nullable Mailbox named;
  private boolean acks;
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
    this.requests = new Requests(server, this, this::apply, this::answer);
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
            .flag("acks", acks)
            .strings("unread", out.unread().export()));
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
    out.unread().restore(record.strings("unread"));
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
    requests.came(packet);
    updateReading();
    account.share().used(System.nanoTime() - begin);
    if (account.share().usedUp()) {
      awaitTurn();
    }
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
    channel.setReading(
        out.isEmpty() && !requests.readingBody() && !relieving && !awaitingTurn && !finishing);
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

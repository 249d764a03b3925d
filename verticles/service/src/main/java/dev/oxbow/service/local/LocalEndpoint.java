package dev.oxbow.service.local;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.mailbox.Recipient;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The service's side of an embedded service: requests come over the event bus as objects, and
 * events go back so. One client, with this process's own uid. Control loop only.
 */
public final class LocalEndpoint implements Client, Recipient {
  private static final Logger log = LoggerFactory.getLogger(LocalEndpoint.class);
  private static final String CARGO = "control";

  private final EventBus bus;
  private final String address;
  private final DescriptorLoop loop;
  private final Answers answers;
  private final Account account;
  private final Mailbox mailbox;
  private final MessageConsumer<Object> consumer;
  private final List<Message<Object>> waiting = new ArrayList<>();
  private boolean frozen;

  /** What a service says to requests that are objects. Control loop only. */
  public interface Answers {

    /**
     * Does what is asked for.
     *
     * @return goes to who asked, as it is
     * @throws RequestException when it is refused; nothing has happened then
     */
    Object answer(Client client, Object request);

    /** A page of what lives, as the client's {@code list} is to have it. */
    Object list(Client client, @Nullable String after, int limit);

    /**
     * Ends something early.
     *
     * @throws RequestException {@code not-found}
     */
    void abort(Client client, String id);

    /** Writes the service's counters into the open object. */
    void stats(MessageWriter out);

    /** What the client is told of an event; it owns the descriptors from here on. */
    Object told(Event event);
  }

  /** Asks for a page of what lives. */
  record ListQuery(@Nullable String after, int limit) {}

  /** Names something to be ended. */
  record Abort(String id) {}

  /** Asks for counters. */
  record Stats() {}

  /** Asks whether all events before it have been handled. */
  record Handled() {}

  public LocalEndpoint(
      EventBus bus, String address, DescriptorLoop loop, Answers answers, Accounts accounts) {
    this.bus = bus;
    this.address = address;
    this.loop = loop;
    this.answers = answers;
    this.account = accounts.of(Syscalls.effectiveUid());
    this.mailbox = Mailbox.anonymous(account, loop);
    mailbox.attach(this);
    this.consumer = bus.localConsumer(address, this::handle);
  }

  static String events(String address) {
    return address + ".events";
  }

  /**
   * Answers no request until {@link #thaw()}, and delivers no event; completes when those that were
   * delivered have been handled, for they are in no mailbox any more.
   */
  public Future<Void> freeze() {
    frozen = true;
    mailbox.freeze();
    // Behind them: the event bus keeps the order between one sender and one receiver.
    Promise<Void> handled = Promise.promise();
    bus.request(events(address), new Handled(), LocalCodec.OPTIONS)
        .<Void>mapEmpty()
        .onComplete(result -> loop.run(() -> handled.handle(result)));
    return handled.future();
  }

  /** Goes on, with the requests that came meanwhile. */
  public void thaw() {
    frozen = false;
    mailbox.thaw();
    List<Message<Object>> requests = List.copyOf(waiting);
    waiting.clear();
    requests.forEach(this::handle);
  }

  /** Describes the one mailbox to another process. */
  public MailboxStore export(Cargo cargo) {
    MailboxStore store = new MailboxStore();
    store.add(mailbox);
    List<MessageWriter> records = new ArrayList<>();
    store.export(cargo, records);
    cargo.records(CARGO, records);
    return store;
  }

  /** Goes on with the mailbox of another process, frozen. */
  public MailboxStore inherit(Cargo cargo) {
    frozen = true;
    MailboxStore store = new MailboxStore();
    for (dev.oxbow.codecs.control.Message record : cargo.records(CARGO)) {
      if (record.string("kind").equals("mailbox")) {
        store.restore(mailbox, record);
      } else {
        store.restoreEvent(record, cargo);
      }
    }
    return store;
  }

  private void handle(Message<Object> request) {
    loop.run(
        () -> {
          if (frozen) {
            waiting.add(request);
            return;
          }
          try {
            request.reply(answer(request.body()), LocalCodec.OPTIONS);
          } catch (RequestException e) {
            request.reply(e, LocalCodec.OPTIONS);
          } catch (RuntimeException e) {
            log.error("request failed", e);
            request.reply(
                new RequestException(ErrorCode.INTERNAL, e.toString()), LocalCodec.OPTIONS);
          }
        });
  }

  private Object answer(Object request) {
    if (request instanceof ListQuery list) {
      return answers.list(this, list.after, list.limit);
    }
    if (request instanceof Abort abort) {
      answers.abort(this, abort.id);
      return abort;
    }
    if (request instanceof Stats) {
      MessageWriter stats = new MessageWriter();
      answers.stats(stats);
      return new JsonObject(Buffer.buffer(stats.bytes()));
    }
    return answers.answer(this, request);
  }

  @Override
  public Account account() {
    return account;
  }

  @Override
  public Mailbox mailbox() {
    return mailbox;
  }

  @Override
  public boolean owns(Mailbox other) {
    return other == mailbox;
  }

  @Override
  public boolean acks() {
    return false;
  }

  @Override
  public boolean owns() {
    return true;
  }

  @Override
  public boolean deliver(Event event, long seq) {
    bus.send(events(address), answers.told(event), LocalCodec.OPTIONS);
    return true;
  }

  /** Takes no more requests, and closes what waits since it was frozen. */
  public void close() {
    consumer.unregister();
    mailbox.detachAll();
  }
}

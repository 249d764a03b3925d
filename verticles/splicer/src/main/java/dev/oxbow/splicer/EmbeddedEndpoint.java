package dev.oxbow.splicer;

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
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The service's side of an embedded Splicer: requests come over the event bus as objects, and
 * reports go back so. One client, with this process's own uid.
 */
final class EmbeddedEndpoint implements Client, Recipient {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedEndpoint.class);

  /** Sent with this codec, objects stay what they are: sender and receiver share the heap. */
  static final DeliveryOptions LOCAL =
      new DeliveryOptions().setLocalOnly(true).setCodecName(LocalCodec.NAME);

  private static final String CARGO = "control";

  private final EventBus bus;
  private final String address;
  private final DescriptorLoop loop;
  private final RelayService service;
  private final Account account;
  private final Mailbox mailbox;
  private final MessageConsumer<Object> consumer;
  private final List<Message<Object>> waiting = new ArrayList<>();
  private boolean frozen;

  /** Asks for a relay; who asks learns of its end from the reports. */
  record Splice(SpliceRequest request, Reports reports) {}

  /** Asks for a page of the live relays. */
  record ListQuery(@Nullable String after, int limit) {}

  /** Names a relay to be ended. */
  record Abort(String relay) {}

  /** Asks whether all reports before it have been handled. */
  record Handled() {}

  /** Asks for counters. */
  record Stats() {}

  EmbeddedEndpoint(
      EventBus bus, String address, DescriptorLoop loop, RelayService service, Accounts accounts) {
    this.bus = bus;
    this.address = address;
    this.loop = loop;
    this.service = service;
    this.account = accounts.of(Syscalls.effectiveUid());
    this.mailbox = Mailbox.anonymous(account, loop);
    mailbox.attach(this);
    this.consumer = bus.localConsumer(address, this::handle);
  }

  static String reports(String address) {
    return address + ".reports";
  }

  /**
   * Answers no request until {@link #thaw()}, and delivers no report; completes when those that
   * were delivered have been handled, for they are in no mailbox any more.
   */
  Future<Void> freeze() {
    frozen = true;
    mailbox.freeze();
    // Behind them: the event bus keeps the order between one sender and one receiver.
    Promise<Void> handled = Promise.promise();
    bus.request(reports(address), new Handled(), LOCAL)
        .<Void>mapEmpty()
        .onComplete(result -> loop.run(() -> handled.handle(result)));
    return handled.future();
  }

  /** Goes on, with the requests that came meanwhile. */
  void thaw() {
    frozen = false;
    mailbox.thaw();
    List<Message<Object>> requests = List.copyOf(waiting);
    waiting.clear();
    requests.forEach(this::handle);
  }

  /** Describes the one mailbox to another process. */
  MailboxStore export(Cargo cargo) {
    MailboxStore store = new MailboxStore();
    store.add(mailbox);
    List<MessageWriter> records = new ArrayList<>();
    store.export(cargo, records);
    cargo.records(CARGO, records);
    return store;
  }

  /** Goes on with the mailbox of another process, frozen. */
  MailboxStore inherit(Cargo cargo) {
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
            request.reply(answer(request.body()), LOCAL);
          } catch (RequestException e) {
            request.reply(SplicerException.of(e), LOCAL);
          } catch (RuntimeException e) {
            log.error("request failed", e);
            request.reply(new SplicerException(ErrorCode.INTERNAL, e.toString()), LOCAL);
          }
        });
  }

  private Object answer(Object request) {
    if (request instanceof Splice splice) {
      String id = splice(splice.request);
      // Here and not where the answer arrives: the report may be there before it.
      return new Relay(id, splice.reports.await(id));
    }
    if (request instanceof ListQuery list) {
      return service.list(this, list.after, list.limit);
    }
    if (request instanceof Abort abort) {
      service.abort(this, abort.relay);
      return abort;
    }
    MessageWriter stats = new MessageWriter();
    service.stats(stats);
    return new JsonObject(new String(stats.bytes(), StandardCharsets.UTF_8));
  }

  private String splice(SpliceRequest request) {
    account.addDescriptors(2);
    try {
      account.checkDescriptors();
      return service.splice(mailbox, request);
    } catch (RuntimeException e) {
      account.removeDescriptors(2);
      throw e;
    }
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
    bus.send(reports(address), report(event), LOCAL);
    return true;
  }

  private static SpliceReport report(Event event) {
    if (event instanceof FinishedEvent finished) {
      return finished.report();
    }
    MessageWriter message = new MessageWriter().strings("fds", event.names());
    event.write(message);
    return ReportReader.read(
        dev.oxbow.codecs.control.Message.parse(message.bytes()), event.descriptors());
  }

  void close() {
    consumer.unregister();
  }
}

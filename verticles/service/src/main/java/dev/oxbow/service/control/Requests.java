package dev.oxbow.service.control;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests of one connection: each is checked, read from its memfd if it is large, run, and
 * answered. One at a time. Control loop only.
 */
final class Requests {
  private static final Logger log = LoggerFactory.getLogger(Requests.class);

  private final ControlServer server;
  private final Client client;
  private final Account account;
  private final Function<Request, MessageWriter> operations;
  private final Consumer<Outbound> answers;
  private boolean readingBody;

  /**
   * @param operations runs a request
   * @param answers takes over the answers, in their order
   */
  Requests(
      ControlServer server,
      Client client,
      Function<Request, MessageWriter> operations,
      Consumer<Outbound> answers) {
    this.server = server;
    this.client = client;
    this.account = client.account();
    this.operations = operations;
    this.answers = answers;
  }

  /** Whether one is being read from a memfd: the next must wait. */
  boolean readingBody() {
    return readingBody;
  }

  /** A request has come; its descriptors are taken over. */
  void came(Packet packet) {
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
    // The peer may go before it is read, and its mailbox must not be forgotten then.
    Mailbox addressed = client.mailbox();
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
          if (!server
              .loop()
              .tryExecute(() -> bodyRead(addressed, outer, message, error, descriptors))) {
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
  }

  private void run(Message message, List<String> names, List<Descriptor> descriptors) {
    Request request;
    try {
      RawJson id = message.id();
      if (id == null) {
        throw RequestException.badField("id", "missing or neither a number nor a string");
      }
      request = new Request(id, message, client, names, descriptors);
    } catch (RequestException e) {
      refuse(message, e, descriptors);
      return;
    }
    Outbound answer;
    try {
      answer = Outbound.of(operations.apply(request).bytes(), List.of(), List.of());
    } catch (RuntimeException e) {
      refuse(message, Refusals.of(e), request.left());
      return;
    }
    account.close(request.left(), Account.Manner.PLAIN);
    answers.accept(answer);
  }

  private void refuse(@Nullable Message message, RequestException e, List<Descriptor> descriptors) {
    account.close(descriptors, Account.Manner.PLAIN);
    byte[] error = Refusals.answer(message == null ? null : message.id(), e);
    answers.accept(Outbound.of(error, List.of(), List.of()));
  }
}

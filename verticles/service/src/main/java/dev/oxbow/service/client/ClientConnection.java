package dev.oxbow.service.client;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.PacketChannel;
import dev.oxbow.service.client.ControlClient.Call;
import dev.oxbow.service.control.Inbound;
import dev.oxbow.service.control.Outbound;
import dev.oxbow.service.control.ServiceSpec;
import io.vertx.core.Promise;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One life of a client's connection, from hello to its loss. Loop thread only. */
final class ClientConnection implements PacketChannel.Listener {
  private static final Logger log = LoggerFactory.getLogger(ClientConnection.class);

  private static final String ACK = "ack";

  private final DescriptorLoop loop;
  private final PacketChannel channel;
  private final Owner owner;
  private final Map<Long, Call> unanswered = new HashMap<>();
  private final Deque<Unsent> unsent = new ArrayDeque<>();
  private boolean ready;
  private long handled;
  private boolean acking;
  private boolean freezing;
  private @Nullable Throwable refusal;

  private record Unsent(Call call, Outbound outbound) {}

  /** The client behind it. */
  interface Owner {
    void ready();

    void event(Message event, List<Descriptor> descriptors);

    /** The last answer has come that {@link ClientConnection#freeze} waited for. */
    void frozen();

    /**
     * The connection has ended.
     *
     * @param unsent what the service cannot have seen, in order
     */
    void lost(@Nullable Throwable why, List<Call> unsent);
  }

  ClientConnection(DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Owner owner) {
    this.loop = loop;
    this.owner = owner;
    this.channel = new PacketChannel(loop, socket, buffer, this);
  }

  private ClientConnection(
      DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Owner owner, long handled) {
    this.loop = loop;
    this.owner = owner;
    this.channel = PacketChannel.frozen(loop, socket, buffer, this);
    this.handled = handled;
    this.ready = true;
    this.freezing = true;
  }

  /**
   * The connection of another process, frozen: hello was answered, and nothing else is to be.
   *
   * @param handled the last event that was told there
   */
  static ClientConnection inherit(
      DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Owner owner, long handled) {
    return new ClientConnection(loop, socket, buffer, owner, handled);
  }

  /**
   * Sends no more; once all that was sent is answered, nothing is read any more either, and the
   * owner is told. What has not been sent goes back to it.
   */
  List<Call> freeze() {
    freezing = true;
    // Before hello is answered there is nothing else.
    List<Call> back =
        ready ? takeUnsent().stream().filter(call -> !call.internal()).toList() : List.of();
    loop.execute(this::checkFrozen);
    return back;
  }

  /** Acknowledgements need no answer: they are sent again. */
  private void checkFrozen() {
    if (freezing
        && unsent.isEmpty()
        && unanswered.values().stream().noneMatch(ClientConnection::needsAnswer)) {
      channel.freeze();
      owner.frozen();
    }
  }

  private static boolean needsAnswer(Call call) {
    return !call.op().equals(ACK);
  }

  /** Goes on. */
  void thaw() {
    freezing = false;
    channel.thaw();
    if (handled > 0) {
      ackSoon();
    }
  }

  /** The socket, owned by the connection. */
  Descriptor socket() {
    return channel.socket();
  }

  /** The number of the last event that was told; 0 for none. */
  long handled() {
    return handled;
  }

  /** Whether hello was answered. */
  boolean ready() {
    return ready;
  }

  void hello(long id, String app) {
    Promise<Message> answer = Promise.promise();
    answer
        .future()
        .onSuccess(
            message -> {
              long protocol = message.integer("protocol", 0, Integer.MAX_VALUE);
              if (protocol != ServiceSpec.PROTOCOL) {
                refuse(
                    new IllegalStateException(
                        "the service speaks protocol " + protocol + ", not 1"));
                return;
              }
              ready = true;
              owner.ready();
            })
        .onFailure(this::refuse);
    send(
        new Call(
            id,
            "hello",
            m -> m.string("app", app).flag("acks", true),
            List.of(),
            List.of(),
            answer,
            Call.INTERNAL));
  }

  private void refuse(Throwable why) {
    refusal = why;
    loop.execute(this::closeAndTell);
  }

  private void closeAndTell() {
    if (channel.isOpen()) {
      channel.close();
      closed();
    }
  }

  void send(Call call) {
    try {
      Outbound outbound = Outbound.of(call.json(), call.names(), call.descriptors());
      unsent.add(new Unsent(call, outbound));
    } catch (RuntimeException e) {
      call.answer().tryFail(e);
      return;
    }
    writable();
  }

  @Override
  public void writable() {
    while (!unsent.isEmpty()) {
      Unsent next = unsent.element();
      try {
        if (!next.outbound.send(channel)) {
          return;
        }
        unanswered.put(next.call.id(), next.call);
      } catch (LinuxException | IllegalStateException e) {
        if (e instanceof LinuxException linux && isShortage(linux.errno())) {
          channel.retryLater();
          return;
        }
        // Nothing of it went out, so it concerns nobody else.
        notSent(next.call, e);
      }
      next.outbound.close();
      unsent.remove();
    }
  }

  private static boolean isShortage(int errno) {
    return errno == Errno.ENOMEM || errno == Errno.ENOBUFS;
  }

  private void notSent(Call call, RuntimeException why) {
    log.debug("request {} could not be sent", call.op(), why);
    for (int i = 0; i < call.names().size(); i++) {
      if (!call.descriptors().get(i).isOpen()) {
        call.answer()
            .tryFail(
                RequestException.badDescriptor(
                    call.names().get(i), "was closed or given away before the request was sent"));
        return;
      }
    }
    if (call.descriptors().isEmpty()) {
      // Not the request's fault: the connection cannot be used.
      call.answer().tryFail(why);
      refuse(why);
    } else {
      call.answer()
          .tryFail(RequestException.badDescriptor("fds", String.valueOf(why.getMessage())));
    }
  }

  @Override
  public void packet(Packet packet) {
    try {
      Message message = Message.parse(packet.bytes());
      List<Descriptor> descriptors = packet.descriptors();
      Inbound.names(message, descriptors.size());
      if (Inbound.announcesBody(message)) {
        try (Descriptor body = descriptors.get(0)) {
          message = Inbound.readBody(message, body);
        }
        descriptors = descriptors.subList(1, descriptors.size());
      }
      handle(message, descriptors);
    } catch (RequestException e) {
      Descriptor.closeAll(packet.descriptors());
      log.warn("a message of the service was not understood: {}", e.getMessage());
      refuse(e);
    }
  }

  private void handle(Message message, List<Descriptor> descriptors) {
    if (message.has("event")) {
      owner.event(message, descriptors);
      if (message.has("seq")) {
        handled = message.integer("seq", 1, Long.MAX_VALUE);
        ackSoon();
      }
      return;
    }
    Message error = message.object("error");
    RequestException failure =
        error == null
            ? null
            : new RequestException(ErrorCode.of(error.string("code")), error.string("message"));
    long id = message.id() == null ? 0 : Long.parseLong(message.id().toString());
    Call call = unanswered.remove(id);
    if (call == null) {
      if (id < 0) {
        // Of an acknowledgement that was sent twice, or by the process before this one.
        return;
      }
      refuse(failure == null ? new IllegalStateException("an answer to nothing") : failure);
    } else if (failure != null) {
      call.answer().fail(failure);
    } else {
      call.answer().complete(message);
    }
    checkFrozen();
  }

  /** One acknowledgement for all events of a turn. */
  private void ackSoon() {
    if (acking) {
      return;
    }
    acking = true;
    loop.execute(
        () -> {
          acking = false;
          if (freezing) {
            return;
          }
          Promise<Message> answer = Promise.promise();
          answer.future().onFailure(e -> log.debug("ack: {}", e.getMessage()));
          // Requests of the client count upwards from 1, so these never meet them.
          long seq = handled;
          send(
              new Call(
                  -seq,
                  ACK,
                  m -> m.number("seq", seq),
                  List.of(),
                  List.of(),
                  answer,
                  Call.INTERNAL));
        });
  }

  @Override
  public void closed() {
    List<Call> again = takeUnsent();
    failUnanswered("the connection was lost before the answer came");
    // The connection's own messages, hello and ack, mean nothing to the next one.
    owner.lost(refusal, again.stream().filter(call -> !call.internal()).toList());
  }

  /** Closes without telling the owner. */
  void close() {
    channel.close();
    takeUnsent().forEach(call -> call.fail("closed by its owner"));
    failUnanswered("closed by its owner before the answer came");
  }

  private List<Call> takeUnsent() {
    List<Call> calls = unsent.stream().map(Unsent::call).toList();
    unsent.forEach(entry -> entry.outbound.close());
    unsent.clear();
    return calls;
  }

  private void failUnanswered(String why) {
    List<Call> lost = List.copyOf(unanswered.values());
    unanswered.clear();
    lost.forEach(call -> call.answer().tryFail(new LostAnswerException(why)));
  }
}

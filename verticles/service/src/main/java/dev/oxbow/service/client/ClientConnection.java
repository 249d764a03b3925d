package dev.oxbow.service.client;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
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

  private final DescriptorLoop loop;
  private final PacketChannel channel;
  private final Owner owner;
  private final Map<Long, Call> unanswered = new HashMap<>();
  private final Deque<Outbound> unsent = new ArrayDeque<>();
  private boolean ready;
  private long handled;
  private boolean acking;
  private @Nullable Throwable refusal;

  /** The client behind it. */
  interface Owner {
    void ready();

    void event(Message event, List<Descriptor> descriptors);

    void lost(@Nullable Throwable why);
  }

  ClientConnection(DescriptorLoop loop, Descriptor socket, PacketBuffer buffer, Owner owner) {
    this.loop = loop;
    this.owner = owner;
    this.channel = new PacketChannel(loop, socket, buffer, this);
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
            answer));
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
      unanswered.put(call.id(), call);
      unsent.add(outbound);
    } catch (RuntimeException e) {
      call.answer().tryFail(e);
      return;
    }
    writable();
  }

  @Override
  public void writable() {
    while (!unsent.isEmpty()) {
      Outbound next = unsent.element();
      try {
        if (!next.send(channel)) {
          return;
        }
      } catch (LinuxException | IllegalStateException e) {
        // Such as a descriptor that its owner has closed meanwhile: the answer will never come.
        log.warn("request could not be sent: {}", e.getMessage());
        refuse(e);
        return;
      }
      next.close();
      unsent.remove();
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
    Call call =
        message.id() == null ? null : unanswered.remove(Long.valueOf(message.id().toString()));
    if (call == null) {
      refuse(failure == null ? new IllegalStateException("an answer to nothing") : failure);
    } else if (failure != null) {
      call.answer().fail(failure);
    } else {
      call.answer().complete(message);
    }
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
          Promise<Message> answer = Promise.promise();
          answer.future().onFailure(e -> log.debug("ack: {}", e.getMessage()));
          // Requests of the client count upwards from 1, so these never meet them.
          long seq = handled;
          send(new Call(-seq, "ack", m -> m.number("seq", seq), List.of(), List.of(), answer));
        });
  }

  @Override
  public void closed() {
    unsent.forEach(Outbound::close);
    unsent.clear();
    List<Call> lost = List.copyOf(unanswered.values());
    unanswered.clear();
    lost.forEach(call -> call.fail("the connection was lost before the answer came"));
    owner.lost(refusal);
  }

  /** Closes without telling the owner. */
  void close() {
    channel.close();
    unsent.forEach(Outbound::close);
    List.copyOf(unanswered.values()).forEach(call -> call.fail("closed by its owner"));
    unanswered.clear();
  }
}

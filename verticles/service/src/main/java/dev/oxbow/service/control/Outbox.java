package dev.oxbow.service.control;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.message.PacketChannel;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What goes out on one connection: answers in their order, events behind them. Answers wait here,
 * events in their mailbox. Control loop only.
 */
final class Outbox {
  private static final Logger log = LoggerFactory.getLogger(Outbox.class);

  private final ControlServer server;
  private final PacketChannel channel;
  private final Runnable close;
  private final Unread unread;
  private final Deque<Outbound> answers = new ArrayDeque<>();

  /**
   * @param close closes the connection, which cannot be used any more
   */
  Outbox(ControlServer server, PacketChannel channel, Account account, Runnable close) {
    this.server = server;
    this.channel = channel;
    this.close = close;
    this.unread = new Unread(channel, account.flight());
  }

  /** Whether all answers have gone out. */
  boolean isEmpty() {
    return answers.isEmpty();
  }

  /** Sends an answer behind those that wait; takes it over. */
  void add(Outbound answer) {
    if (!channel.isOpen()) {
      answer.close();
      return;
    }
    answers.add(answer);
    sendAnswers();
  }

  /** Sends answers in order; true when none is left. */
  boolean sendAnswers() {
    while (!answers.isEmpty()) {
      Outbound next = answers.element();
      if (!sent(next) && !channel.peerGone()) {
        return false;
      }
      next.close();
      answers.remove();
    }
    return true;
  }

  /**
   * Sends an event, unless answers wait or the peer has not received what went before.
   *
   * @param seq 0 for an event that is not acknowledged
   */
  boolean send(Event event, long seq) {
    if (!channel.isOpen() || channel.peerGone() || !answers.isEmpty()) {
      return false;
    }
    if (!event.descriptors().isEmpty() && !unread.admits(event.descriptors().size())) {
      // No event tells when the peer has received some.
      channel.retryLater();
      return false;
    }
    MessageWriter message = new MessageWriter().string("event", event.name());
    if (seq != 0) {
      message.number("seq", seq);
    }
    event.write(message);
    if (!event.names().isEmpty()) {
      message.strings("fds", event.names());
    }
    try (Outbound outbound = Outbound.of(message.bytes(), event.names(), event.descriptors())) {
      boolean sent = sent(outbound);
      if (sent && outbound.attached() > 0) {
        unread.sent(outbound.packetBytes(), outbound.attached());
      }
      return sent;
    } catch (LinuxException e) {
      log.warn("{}: event waits: {}", server.spec().name(), e.getMessage());
      channel.retryLater();
      return false;
    }
  }

  /**
   * Sends, but a large message only to a peer that has read all before: its memory is not counted
   * by the socket, and a peer that does not read would pile it up.
   */
  private boolean sent(Outbound message) {
    try {
      if (message.large() && channel.isOpen() && !channel.peerGone() && channel.unread() > 0) {
        channel.retryLater();
        return false;
      }
      return message.send(channel);
    } catch (LinuxException e) {
      log.warn("{}: a message cannot be sent: {}", server.spec().name(), e.getMessage());
      if (e.errno() == Errno.ENOMEM || e.errno() == Errno.ENOBUFS) {
        channel.retryLater();
      } else {
        server.loop().execute(close);
      }
      return false;
    }
  }

  /** The descriptors that the peer has not received yet. */
  Unread unread() {
    return unread;
  }

  /** The answers that wait, first the next. */
  List<byte[]> waiting() {
    return answers.stream().map(Outbound::json).toList();
  }

  /** An answer that waited in another process. */
  void restore(byte[] json) {
    answers.add(Outbound.of(json, List.of(), List.of()));
  }

  /** The connection is closed. */
  void clear() {
    answers.forEach(Outbound::close);
    answers.clear();
    unread.clear();
  }
}

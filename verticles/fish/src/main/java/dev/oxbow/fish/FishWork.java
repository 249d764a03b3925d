package dev.oxbow.fish;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.FishOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.session.Tables;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.verticle.ServicePlane;
import dev.oxbow.service.verticle.ServiceWork;
import io.vertx.core.Future;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Fish as what a verticle drives: the sessions and the plane that carries their packets. */
final class FishWork implements ServiceWork {

  /** The tun, two netlink sockets, the lock, and the tables. */
  private static final int OWN_DESCRIPTORS = 4 + Tables.DESCRIPTORS;

  /** What a link to a partner takes, with the file of its loans and the partner's connections. */
  private static final long PAIR_DESCRIPTORS = 34;

  private final DescriptorLoop loop;
  private final FishOptions options;

  private final FishPlane plane;
  private final SessionService sessions;

  /** Whether all has ended in order; otherwise it has not begun. */
  private boolean stopped;

  /** Asks for a session; who asks learns of its end from the reports. */
  record Egress(EgressRequest request, Reports<SessionReport> reports) {}

  FishWork(DescriptorLoop loop, FishOptions options, FishPlane plane, SessionService sessions) {
    this.loop = loop;
    this.options = options;
    this.plane = plane;
    this.sessions = sessions;
  }

  @Override
  public ServicePlane plane() {
    return plane;
  }

  SessionService sessions() {
    return sessions;
  }

  @Override
  public Map<String, Operation> operations() {
    return new FishOperations(sessions).byOp();
  }

  @Override
  public void stats(MessageWriter out) {
    sessions.stats(out);
    plane.stats(out);
  }

  @Override
  public Object answer(Client client, Object request) {
    if (request instanceof Egress egress) {
      SessionService.Live live =
          client.account().keeping(1, () -> sessions.egress(client.mailbox(), egress.request));
      // Here and not where the answer arrives: the report may be there before it.
      return new EgressSession(
          live.name(), live.session().resumed(), egress.reports.await(live.name()));
    }
    if (request instanceof PortQuery query) {
      return sessions.lookup(client, query);
    }
    throw new IllegalArgumentException("not understood: " + request);
  }

  @Override
  public Object list(Client client, @Nullable String after, int limit) {
    return sessions.list(client, after, limit);
  }

  @Override
  public void abort(Client client, String id) {
    sessions.end(sessions.table().owned(client, id));
  }

  @Override
  public Object told(Event event) {
    if (event instanceof ExhaustedEvent exhausted) {
      return exhausted.exhaustion();
    }
    if (event instanceof ClosedEvent closed) {
      return SessionReport.of(closed);
    }
    MessageWriter stored = new MessageWriter().strings("fds", event.names());
    event.write(stored);
    Message message = Message.parse(stored.bytes());
    return event.name().equals(ClosedEvent.NAME)
        ? EventReader.closed(message, event.descriptors())
        : EventReader.exhausted(message);
  }

  @Override
  public long descriptors() {
    return OWN_DESCRIPTORS + (options.getPair() == null ? 0 : PAIR_DESCRIPTORS);
  }

  @Override
  public Future<Void> export(MailboxStore mailboxes, Cargo cargo) {
    FishStore.exportSettings(options, cargo);
    return FishStore.export(sessions, mailboxes, cargo, loop);
  }

  @Override
  public void restore(MailboxStore mailboxes, Cargo cargo) {
    FishStore.restore(sessions, mailboxes, cargo);
  }

  @Override
  public Future<Void> stop() {
    stopped = true;
    plane.leave();
    return sessions.stop();
  }

  @Override
  public void forget() {
    sessions.forget();
  }

  @Override
  public Future<Void> close() {
    return stopped ? plane.close() : plane.giveUp();
  }
}

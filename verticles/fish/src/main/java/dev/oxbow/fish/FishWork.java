package dev.oxbow.fish;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.verticle.ServicePlane;
import dev.oxbow.service.verticle.ServiceWork;
import io.vertx.core.Future;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Fish as what a verticle drives: the sessions and the plane that carries their packets. */
final class FishWork implements ServiceWork {
  private static final int OWN_DESCRIPTORS = 5;

  private final FishPlane plane;
  private final SessionService sessions;

  FishWork(FishPlane plane, SessionService sessions) {
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
  }

  @Override
  public Object answer(Client client, Object request) {
    throw new IllegalArgumentException("not understood: " + request);
  }

  @Override
  public Object list(Client client, @Nullable String after, int limit) {
    return sessions.table().list(client, after, limit);
  }

  @Override
  public void abort(Client client, String id) {
    sessions.end(sessions.table().owned(client, id));
  }

  @Override
  public Object told(Event event) {
    return event;
  }

  @Override
  public long descriptors() {
    return OWN_DESCRIPTORS;
  }

  @Override
  public Future<Void> export(MailboxStore mailboxes, Cargo cargo) {
    return Future.failedFuture(new UnsupportedOperationException("fish is not handed over"));
  }

  @Override
  public void restore(MailboxStore mailboxes, Cargo cargo) {
    throw new IllegalArgumentException("fish is not handed over");
  }

  @Override
  public Future<Void> stop() {
    return sessions.stop();
  }

  @Override
  public void forget() {
    sessions.forget();
  }

  @Override
  public Future<Void> close() {
    return plane.close();
  }
}

package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.verticle.ServiceWork;
import dev.oxbow.splicer.relay.SplicePlane;
import io.vertx.core.Future;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Splicer as what a verticle drives: the relays and the plane that moves their bytes. */
final class SplicerWork implements ServiceWork {
  private final DescriptorLoop loop;
  private final SplicePlane plane;
  private final RelayService relays;

  /** Asks for a relay; who asks learns of its end from the reports. */
  record Splice(SpliceRequest request, Reports<SpliceReport> reports) {}

  SplicerWork(DescriptorLoop loop, SplicePlane plane, RelayService relays) {
    this.loop = loop;
    this.plane = plane;
    this.relays = relays;
  }

  @Override
  public SplicePlane plane() {
    return plane;
  }

  RelayService relays() {
    return relays;
  }

  @Override
  public Map<String, Operation> operations() {
    return new SplicerOperations(relays).byOp();
  }

  @Override
  public void stats(MessageWriter out) {
    relays.stats(out);
  }

  @Override
  public Object answer(Client client, Object request) {
    if (request instanceof Splice splice) {
      String id =
          client.account().keeping(2, () -> relays.splice(client.mailbox(), splice.request));
      // Here and not where the answer arrives: the report may be there before it.
      return new Relay(id, splice.reports.await(id));
    }
    throw new IllegalArgumentException("not understood: " + request);
  }

  @Override
  public Object list(Client client, @Nullable String after, int limit) {
    return relays.list(client, after, limit);
  }

  @Override
  public void abort(Client client, String id) {
    RelayService.end(relays.table().owned(client, id));
  }

  @Override
  public Object told(Event event) {
    if (event instanceof FinishedEvent finished) {
      return finished.report();
    }
    MessageWriter message = new MessageWriter().strings("fds", event.names());
    event.write(message);
    return ReportReader.read(Message.parse(message.bytes()), event.descriptors());
  }

  /** Pipes, both ends. */
  @Override
  public long descriptors() {
    return 2 * (plane.counters().pipes() + plane.pipesToShare());
  }

  @Override
  public Future<Void> export(MailboxStore mailboxes, Cargo cargo) {
    return RelayStore.export(relays, mailboxes, cargo, loop);
  }

  @Override
  public void restore(MailboxStore mailboxes, Cargo cargo) {
    RelayStore.restore(relays, mailboxes, cargo);
  }

  @Override
  public Future<Void> stop() {
    return relays.stop();
  }

  @Override
  public void forget() {
    relays.forget();
  }

  @Override
  public Future<Void> close() {
    plane.close();
    return Future.succeededFuture();
  }
}

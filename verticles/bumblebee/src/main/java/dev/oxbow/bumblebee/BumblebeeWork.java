package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.tunnel.TunnelPlane;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.client.Reports;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.mailbox.MailboxStore;
import dev.oxbow.service.verticle.ServiceWork;
import io.vertx.core.Future;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Bumblebee as what a verticle drives: the tunnels and the plane that carries their packets. */
final class BumblebeeWork implements ServiceWork {
  private final DescriptorLoop loop;
  private final TunnelPlane plane;
  private final TunnelService tunnels;

  /** Asks for a tunnel; who asks learns of its end from the reports. */
  record Upgrade(UpgradeRequest request, Reports<TunnelReport> reports) {}

  BumblebeeWork(DescriptorLoop loop, TunnelPlane plane, TunnelService tunnels) {
    this.loop = loop;
    this.plane = plane;
    this.tunnels = tunnels;
  }

  @Override
  public TunnelPlane plane() {
    return plane;
  }

  TunnelService tunnels() {
    return tunnels;
  }

  @Override
  public Map<String, Operation> operations() {
    return new BumblebeeOperations(tunnels).byOp();
  }

  @Override
  public void stats(MessageWriter out) {
    tunnels.stats(out);
  }

  @Override
  public Object answer(Client client, Object request) {
    if (request instanceof Upgrade upgrade) {
      String id =
          client.account().keeping(1, () -> tunnels.upgrade(client.mailbox(), upgrade.request));
      // Here and not where the answer arrives: the report may be there before it.
      return new Tunnel(id, upgrade.reports.await(id));
    }
    throw new IllegalArgumentException("not understood: " + request);
  }

  @Override
  public Object list(Client client, @Nullable String after, int limit) {
    return tunnels.list(client, after, limit);
  }

  @Override
  public void abort(Client client, String id) {
    TunnelService.end(tunnels.table().owned(client, id));
  }

  @Override
  public Object told(Event event) {
    if (event instanceof ConnectedEvent connected) {
      return connected.connection();
    }
    if (event instanceof ClosedEvent closed) {
      return TunnelReport.of(closed);
    }
    MessageWriter stored = new MessageWriter().strings("fds", event.names());
    event.write(stored);
    Message message = Message.parse(stored.bytes());
    return event.name().equals(ConnectedEvent.NAME)
        ? EventReader.connected(message, event.descriptors())
        : EventReader.closed(message, event.descriptors());
  }

  @Override
  public long descriptors() {
    return plane.descriptorsToShare();
  }

  @Override
  public Future<Void> export(MailboxStore mailboxes, Cargo cargo) {
    return TunnelStore.export(tunnels, mailboxes, cargo, loop);
  }

  @Override
  public void restore(MailboxStore mailboxes, Cargo cargo) {
    TunnelStore.restore(tunnels, mailboxes, cargo);
  }

  @Override
  public Future<Void> stop() {
    return tunnels.stop();
  }

  @Override
  public void forget() {
    tunnels.forget();
  }

  @Override
  public Future<Void> close() {
    return plane.close();
  }
}

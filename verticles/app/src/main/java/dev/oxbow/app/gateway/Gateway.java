package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.Address;
import dev.oxbow.app.forward.Attempts;
import dev.oxbow.app.forward.Errand;
import dev.oxbow.app.forward.SplicedConnections.Client;
import dev.oxbow.app.forward.Target;
import dev.oxbow.bumblebee.TunnelConnection;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.core.streams.ReadStream;
import java.util.List;
import java.util.Map;

/**
 * Connects each client to where it wants to go, and leaves the rest to a Splicer. Loop thread only,
 * but for what {@link Transferable} says.
 *
 * <p>When another process takes over, it gets what is being connected and what was told of drops;
 * clients that come meanwhile wait, and are the Bumblebee's to hand over, as the tunnels are.
 */
final class Gateway implements Transferable {
  /** The name of what it hands over. */
  static final String NAME = "gateway";

  static final Layout LAYOUT = new Layout(1, 1);

  private static final String APP = "app";
  private static final String TUN = "tun";

  private final List<String> tuns;
  private final ReadStream<TunnelConnection> clients;
  private final Attempts attempts;
  private final DropLog drops;

  /**
   * @param loop that all is done on
   * @param tuns the labels of all
   * @param clients paused until {@link #start()}
   */
  Gateway(
      DescriptorLoop loop,
      List<String> tuns,
      ReadStream<TunnelConnection> clients,
      Attempts attempts,
      DropLog drops) {
    this.tuns = tuns;
    this.clients = clients.pause();
    this.attempts = attempts;
    this.drops = drops;
    // Those that waited while it was frozen come from another thread.
    clients.handler(client -> loop.run(() -> connect(client)));
  }

  /** What a tunnel carries as metadata: whose connections these are, also for a later gateway. */
  static JsonObject metadata(String app, String label) {
    return new JsonObject().put(APP, app).put(TUN, label);
  }

  /** The tun that a tunnel's metadata names; empty when another program opened the tunnel. */
  static String label(RawJson metadata) {
    return text(metadata, TUN);
  }

  /** Whether a tunnel's metadata names an app: root's list has the tunnels of all. */
  static boolean isOf(String app, RawJson metadata) {
    return text(metadata, APP).equals(app);
  }

  /** A member that is a string; empty in what another program wrote, which may be any JSON. */
  private static String text(RawJson metadata, String member) {
    String json = metadata.toString();
    if (!json.startsWith("{")) {
      return "";
    }
    return new JsonObject(json).getValue(member) instanceof String text ? text : "";
  }

  /** Begins to take clients. */
  void start() {
    drops.thaw();
    clients.resume();
  }

  private void stop() {
    clients.pause();
    drops.freeze();
  }

  private void connect(TunnelConnection connection) {
    attempts.begin(
        errand(
            connection.socket(),
            connection.client(),
            label(connection.metadata()),
            connection.destination()));
  }

  /**
   * What is to be done for a client.
   *
   * @param client its address as in its packets
   * @param tun where it came in
   * @param destination where it wants to go: an address, so that no name is looked up
   */
  static Errand errand(Descriptor socket, String client, String tun, String destination) {
    return new Errand(
        new Client(socket, client, tun, destination),
        Target.of(Address.parse(destination)),
        record -> GatewayStore.write(record, client, tun, destination));
  }

  /** The labels of all tuns. */
  List<String> tuns() {
    return tuns;
  }

  Attempts attempts() {
    return attempts;
  }

  DropLog drops() {
    return drops;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Layout layout() {
    return LAYOUT;
  }

  @Override
  public Map<String, Long> counts() {
    return Map.of("tuns", (long) tuns.size(), "connecting", (long) attempts.size());
  }

  /** A client and perhaps a socket to its destination each, and a document. */
  @Override
  public Future<Long> descriptors() {
    return Future.succeededFuture(2L * attempts.size() + 1);
  }

  @Override
  public Future<Cargo> freeze() {
    return attempts.freeze(this::stop, () -> GatewayStore.export(this));
  }

  @Override
  public Future<Void> thaw() {
    return attempts.thaw(this::start);
  }
}

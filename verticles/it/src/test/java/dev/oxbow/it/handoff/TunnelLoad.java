package dev.oxbow.it.handoff;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.ControlPeer.Incoming;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Clients with equal addresses behind tunnels, and streams both ways through their connections. */
final class TunnelLoad implements AutoCloseable {

  /** The section of the configuration that this load needs. */
  static final String SECTION = "bumblebee: {loops: 2, maxTunnels: 64}\n";

  /** One for each client. */
  static final int TUNNELS = 2;

  /** What comes together when the service is handed over. */
  private static final int GROUPS = 64;

  private static final int CONNECTIONS = 4;
  private static final byte[] HELLO = "hello".getBytes(StandardCharsets.US_ASCII);

  private final ControlPeer control;
  private final List<ClientNetwork> clients = new ArrayList<>();
  private final List<String> tunnels = new ArrayList<>();

  private TunnelLoad(RunningOxbow service) {
    control = control(service);
  }

  /** A connection to the service, to which the tunnels' connections come. */
  static ControlPeer control(RunningOxbow service) {
    return ControlPeer.connect(service.runtimeDir().resolve("bumblebee.sock")).hello("app", false);
  }

  /** Opens a tunnel; its id. */
  static String upgrade(ControlPeer control, Descriptor flow) {
    JsonObject answer = control.ask("{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]}", flow);
    assertThat(answer.getString("tunnel")).as(answer.encode()).isNotNull();
    return answer.getString("tunnel");
  }

  /** The socket of the next connection. */
  static Descriptor accepted(ControlPeer control) {
    Incoming event = control.event();
    assertThat(event.json().getString("event")).isEqualTo("connected");
    return event.descriptors().get(0);
  }

  /**
   * Opens the tunnels.
   *
   * @param streams moves bytes through the connections; not yet started
   */
  static TunnelLoad open(RunningOxbow service, RampLoad streams) {
    TunnelLoad load = new TunnelLoad(service);
    try {
      for (int i = 0; i < TUNNELS; i++) {
        load.addClient(streams);
      }
      return load;
    } catch (RuntimeException | AssertionError e) {
      load.close();
      throw e;
    }
  }

  private void addClient(RampLoad streams) {
    ClientNetwork client = new ClientNetwork(1500, true);
    clients.add(client);
    tunnels.add(upgrade(control, client.tun().descriptor()));
    for (int i = 0; i < CONNECTIONS; i++) {
      TestPeer inside = client.connect(i % 2 == 0 ? "10.9.8.7" : "2001:db8::9", 80 + i);
      streams.between(inside.socket(), accepted(control));
    }
  }

  /** The group in which the first tunnel is handed over, from 0. */
  int group() {
    long id = Long.parseUnsignedLong(tunnels.get(0), Character.MAX_RADIX);
    return (int) Long.remainderUnsigned(id, GROUPS);
  }

  /** New connections come and work, and no tunnel is missing. */
  void awaitAllWell() {
    for (ClientNetwork client : clients) {
      try (TestPeer inside = client.connect("10.1.1.1", 443);
          Descriptor socket = accepted(control)) {
        inside.write(HELLO);
        assertThat(new TestPeer(socket).read(HELLO.length)).isEqualTo(HELLO);
      }
    }
    assertThat(control.stats().getInteger("tunnels")).isEqualTo(TUNNELS);
  }

  @Override
  public void close() {
    control.close();
    clients.forEach(ClientNetwork::close);
  }
}

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.PacketBuffer.Received;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How long it takes from a client's SYN to its socket in the caller's hand, and how many
 * connections come per second. It is both: the client, whose connect(2) sends the SYN into a tun of
 * this namespace, and the caller, who gave Bumblebee the tun and gets the `connected` event.
 *
 * <p>usage: java -cp oxbow.jar Connects.java SOCKET DEPTH WARM_UP SAMPLES SECONDS
 *
 * <p>One thread. After WARM_UP connections that do not count, SAMPLES connections one after the
 * other, each from connect(2) until the event was received; then, for SECONDS, up to DEPTH at once.
 * Each is reset by the client when the caller has its socket. Prints one JSON object.
 */
public final class Connects {
  private static final String TUN = "tun0";
  private static final byte[] ADDRESS = {10, 7, 0, 2};
  private static final int MTU = 1500;
  private static final int QUEUE_PACKETS = 16_384;
  private static final int PATIENCE_MS = 10_000;
  private static final int PORTS = 1 << 16;
  private static final String TUNNEL = "\"tunnel\":\"";
  private static final String CLIENT = "\"client\":\"10.7.0.2:";

  /** Where connections go to, of 198.18.0.0/15, which RFC 2544 has for this. */
  private static final byte[] DESTINATION = {(byte) 198, 18, 0, 1};

  private final Descriptor control;
  private final PacketBuffer packets = new PacketBuffer();
  private final byte[] destination;

  /** The client's sockets by local port. */
  private final int[] clients = new int[PORTS];

  private Connects(Descriptor control) throws UnknownHostException {
    this.control = control;
    this.destination = Sockaddr.of(InetAddress.getByAddress(DESTINATION), 80);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Connects bench = new Connects(UnixSockets.connect(Path.of(args[0])));
    bench.ask("{\"op\":\"hello\",\"id\":0,\"app\":\"connects\"}", List.of());
    String tunnel = bench.openTunnel();
    int depth = Integer.parseInt(args[1]);
    for (int left = Integer.parseInt(args[2]); left > 0; left--) {
      bench.one();
    }
    long[] nanos = new long[Integer.parseInt(args[3])];
    for (int i = 0; i < nanos.length; i++) {
      nanos[i] = bench.one();
    }
    Arrays.sort(nanos);
    double perSecond = bench.many(depth, Long.parseLong(args[4]) * 1_000_000_000L);
    String closed = bench.closeTunnel(tunnel);
    System.out.printf(
        Locale.ROOT,
        "{\"p50Micros\":%.1f,\"p99Micros\":%.1f,\"perSecond\":%.0f,\"closed\":%s}%n",
        nanos[nanos.length / 2] / 1e3,
        nanos[nanos.length * 99 / 100] / 1e3,
        perSecond,
        closed);
  }

  /** Gives the tun to Bumblebee; the name of the tunnel. */
  private String openTunnel() throws IOException, InterruptedException {
    try (Tun tun = Tun.open(TUN, true);
        Interfaces interfaces = Interfaces.open()) {
      tun.offloads(Tun.TCP_OFFLOADS);
      interfaces.mtu(TUN, MTU);
      interfaces.queueLength(TUN, QUEUE_PACKETS);
      interfaces.address4(TUN, ADDRESS, 24);
      interfaces.up(TUN);
      Process route =
          new ProcessBuilder("ip", "route", "add", "default", "dev", TUN).inheritIO().start();
      if (route.waitFor() != 0) {
        throw new IllegalStateException("ip route add");
      }
      String request =
          "{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"],\"mtu\":" + MTU + "}";
      String answer = ask(request, List.of(tun.descriptor()));
      int at = answer.indexOf(TUNNEL) + TUNNEL.length();
      return answer.substring(at, answer.indexOf('"', at));
    }
  }

  /** The last event of the tunnel; the tun is gone when its last descriptor is closed. */
  private String closeTunnel(String tunnel) {
    ask("{\"op\":\"abort\",\"id\":2,\"tunnel\":\"" + tunnel + "\"}", List.of());
    Packet closed = next();
    if (!text(closed).contains("\"event\":\"closed\"")) {
      throw new IllegalStateException("not the end of the tunnel: " + text(closed));
    }
    Descriptor.closeAll(closed.descriptors());
    return text(closed);
  }

  private String ask(String json, List<Descriptor> descriptors) {
    if (!packets.send(control.fd(), json.getBytes(StandardCharsets.UTF_8), descriptors)) {
      throw new IllegalStateException("the control socket is full");
    }
    String answer = text(next());
    if (!answer.contains("\"ok\":true")) {
      throw new IllegalStateException(answer);
    }
    return answer;
  }

  private static String text(Packet packet) {
    return new String(packet.bytes(), StandardCharsets.ISO_8859_1);
  }

  private Packet next() {
    for (Received it; (it = packets.receive(control.fd())) != Received.PACKET; ) {
      if (it == Received.NOTHING) {
        throw new IllegalStateException("the service closed the connection");
      }
      if (Sockets.poll(control.fd(), Sockets.POLLIN, PATIENCE_MS) == 0) {
        throw new IllegalStateException("the service said nothing for " + PATIENCE_MS + " ms");
      }
    }
    return packets.packet();
  }

  /** A client that sends its SYN. */
  private void begin() {
    int client =
        Sockets.socket(Sockets.AF_INET, Sockets.SOCK_STREAM | Sockets.SOCK_NONBLOCK);
    Sockets.linger(client, true);
    Sockets.connect(client, destination);
    clients[Sockaddr.port(Sockets.localAddress(client))] = client;
  }

  /** Takes the next socket, and ends its connection. */
  private void end(Packet packet) {
    String event = text(packet);
    int at = event.indexOf(CLIENT) + CLIENT.length();
    if (at < CLIENT.length() || packet.descriptors().size() != 1) {
      throw new IllegalStateException("not a connection: " + event);
    }
    int port = Integer.parseInt(event.substring(at, event.indexOf('"', at)));
    if (clients[port] == 0) {
      throw new IllegalStateException("a connection that nobody began: " + event);
    }
    Descriptor.adopt(clients[port]).close();
    clients[port] = 0;
    packet.descriptors().get(0).close();
  }

  /** One connection; nanoseconds until its socket is there. */
  private long one() {
    long began = System.nanoTime();
    begin();
    Packet packet = next();
    long nanos = System.nanoTime() - began;
    end(packet);
    return nanos;
  }

  /** Connections per second, with up to `depth` on their way. */
  private double many(int depth, long limitNanos) {
    int open = 0;
    int done = 0;
    long began = System.nanoTime();
    long nanos = 0;
    while (nanos < limitNanos || open > 0) {
      while (open < depth && nanos < limitNanos) {
        begin();
        open++;
      }
      end(next());
      open--;
      done++;
      nanos = System.nanoTime() - began;
    }
    return done * 1e9 / nanos;
  }
}

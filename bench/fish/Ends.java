import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** A client's and the server's namespace, and sockets in them. Every load has new ports there. */
final class Ends implements AutoCloseable {
  private static final int SO_RCVBUFFORCE = 33;
  private static final int BUFFER_BYTES = 8 << 20;
  private static final int FIRST_PORT = 10_000;
  private static final int LAST_PORT = 60_000;
  private static final byte[] ANY = new byte[16];
  static final int PATIENCE_MS = 2_000;

  private static int nextPort = FIRST_PORT;

  final Namespace client;
  final Namespace server;
  private final InetAddress host;

  Ends(String client, String server, String host) throws UnknownHostException {
    ANY[0] = Sockets.AF_INET;
    this.client = named(client);
    this.server = named(server);
    this.host = InetAddress.getByName(host);
  }

  private static Namespace named(String path) {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    return Namespace.adopt(Descriptor.adopt(Syscalls.open(path, flags, 0)));
  }

  /** An address of the server's with a port that no load had for a long time. */
  synchronized byte[] fresh() {
    nextPort = nextPort == LAST_PORT ? FIRST_PORT : nextPort + 1;
    return Sockaddr.of(host, nextPort);
  }

  /** A datagram socket of the server's. */
  int atServer(byte[] address) {
    return server.call(() -> datagrams(address));
  }

  /** A datagram socket of the client's; it is connected unless `to` is null. */
  int atClient(byte[] to) {
    return client.call(
        () -> {
          int socket = datagrams(ANY);
          if (to != null) {
            Sockets.connect(socket, to);
          }
          return socket;
        });
  }

  private static int datagrams(byte[] address) {
    int socket = Sockets.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM);
    Sockets.setOption(socket, Sockets.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
    Sockets.bind(socket, address);
    return socket;
  }

  /** Waits until a socket has something. */
  static void await(int socket) {
    if (Sockets.poll(socket, Sockets.POLLIN, PATIENCE_MS) == 0) {
      throw new IllegalStateException("nothing came within " + PATIENCE_MS + " ms");
    }
  }

  /** Waits for one datagram. */
  static void take(int socket, Messages into) {
    do {
      await(socket);
    } while (into.receive(socket) == 0);
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}

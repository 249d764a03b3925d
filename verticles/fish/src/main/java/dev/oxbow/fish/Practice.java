package dev.oxbow.fish;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockaddr;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Vectors;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hand-overs of a Fish that nobody uses, in a network namespace of its own: packets made by hand go
 * through sessions to a socket there, and its answers come back. The namespace takes with it
 * whatever was set up in it, and files lose their names as soon as the Fish has started, so that
 * nothing is left even of a practice that is killed later.
 */
class Practice extends ServicePractice {
  private static final int PATIENCE_MS = PATIENCE_SECONDS * 1000;

  /** Datagrams of a session on their way at once; there is room for them everywhere. */
  private static final int BATCH = 16;

  /** Batches of an exchange. */
  private static final int BATCHES = 6;

  /** Ports of a client, one after the other: first all of them are new, then none. */
  private static final int CLIENT_PORTS = 256;

  private static final int FIRST_PORT = 5000;
  private static final int PACKET_BYTES = 64;
  private static final int ROOM_BYTES = 2048;
  private static final Grant SLICE = Grant.of("203.0.113.7", "20000-20999");

  private static final int PAYLOAD_BYTES = PACKET_BYTES - PacketView.IPV4_BYTES - 8;

  /** struct sockaddr_in. */
  private static final int ADDRESS_BYTES = 16;

  private static final int MESSAGE_BYTES =
      Vectors.MMSGHDR_BYTES + Vectors.IOVEC_BYTES + ADDRESS_BYTES + PAYLOAD_BYTES;

  // RFC 5737 and RFC 2544: of nobody.
  private static final byte[] CLIENT = {(byte) 192, 0, 2, 1};
  private static final byte[] SERVER = {(byte) 198, 18, 0, 1};

  private final Vertx vertx;
  private final Path directory;
  private final OxbowOptions options;
  private final List<Way> ways = new ArrayList<>();
  private final List<Future<SessionReport>> reports = new ArrayList<>();
  private final NativeMemory memory = NativeMemory.allocate(ROOM_BYTES);
  private final ByteBuffer packet = ByteBuffer.allocate(PACKET_BYTES);
  private final NativeMemory message = NativeMemory.allocate(MESSAGE_BYTES);
  private final Namespace namespace;
  private @Nullable Descriptor server;
  private @Nullable Fish fish;
  private int turn;

  /**
   * One session.
   *
   * @param flow its other end
   * @param header bytes before each packet
   */
  private record Way(Descriptor flow, int header) {}

  Practice(Vertx vertx) {
    super(vertx);
    this.vertx = vertx;
    this.namespace = Namespace.open();
    try {
      this.directory = Files.createTempDirectory("oxbow-practice");
    } catch (IOException e) {
      namespace.close();
      throw new UncheckedIOException(e);
    }
    this.options =
        new OxbowOptions(directory)
            .setFish(
                new FishOptions()
                    .setEgress(List.of(SLICE))
                    .setMaxFlows(16_384)
                    .setMaxClients(1024)
                    .setMaxSessions(64));
  }

  /** As {@link ServicePractice#run}. */
  static void run(Vertx vertx, Duration cpu, Duration wall) {
    try (Practice practice = new Practice(vertx)) {
      practice.run(cpu, wall);
    }
  }

  @Override
  protected ServiceVerticle start() {
    server = namespace.call(Practice::server);
    String address = EmbeddedFish.newAddress();
    FishVerticle home = new FishVerticle(options, null, namespace, address);
    Fish started = await(EmbeddedFish.start(vertx, address, home));
    fish = started;
    open(started, false);
    open(started, true);
    removeFiles();
    return home;
  }

  private void removeFiles() {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (NoSuchFileException e) {
      // They were removed before.
      return;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A socket that nobody else has. All above 128.0.0.0 is here, the slice's address, too. */
  private static Descriptor server() throws IOException {
    try (Interfaces links = Interfaces.open()) {
      links.up("lo");
      links.address4("lo", SERVER, 1);
    }
    Descriptor socket = Descriptor.adopt(Sockets.socket(Sockets.AF_INET, Sockets.SOCK_DGRAM));
    try {
      Sockets.bind(socket.fd(), Sockaddr.of(InetAddress.getByAddress(SERVER), 0));
      return socket;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private void open(Fish started, boolean vnetHdr) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    Descriptor near = Descriptor.adopt((int) ends);
    Descriptor far = Descriptor.adopt((int) (ends >>> 32));
    ways.add(new Way(far, vnetHdr ? VirtioNetHeader.BYTES : 0));
    try {
      EgressRequest request = new EgressRequest(near, List.of(SLICE)).setVnetHdr(vnetHdr);
      EgressSession session = await(started.egress(request));
      reports.add(session.closed().onSuccess(SessionReport::close));
    } catch (RuntimeException e) {
      near.close();
      throw e;
    }
  }

  @Override
  protected ServiceVerticle heirOf(Cargo cargo) {
    return new FishVerticle(options, cargo, namespace, EmbeddedFish.newAddress());
  }

  @Override
  protected void exchange() {
    Descriptor there = server;
    if (there == null) {
      throw new IllegalStateException("nothing was started");
    }
    int port = Sockaddr.port(Sockets.localAddress(there.fd()));
    for (int batch = 0; batch < BATCHES; batch++) {
      for (Way way : ways) {
        for (int i = 0; i < BATCH; i++) {
          send(way, FIRST_PORT + turn++ % CLIENT_PORTS, port);
        }
        for (int i = 0; i < BATCH; i++) {
          answer(there.fd());
        }
        for (int i = 0; i < BATCH; i++) {
          receive(way);
        }
      }
    }
  }

  /**
   * Sends the server's next datagram back. Not by a socket of the JVM's: with the first of those it
   * makes another one, which it keeps, and with that the namespace.
   */
  private void answer(int socket) {
    if (Sockets.poll(socket, Sockets.POLLIN, PATIENCE_MS) == 0) {
      throw new IllegalStateException("a session of the practice carries nothing");
    }
    // struct msghdr, struct iovec, the client's address, the payload
    int iovec = Vectors.MMSGHDR_BYTES;
    int address = iovec + Vectors.IOVEC_BYTES;
    int payload = address + ADDRESS_BYTES;
    message.putLong(0, message.address() + address);
    message.putInt(8, ADDRESS_BYTES);
    message.putLong(Vectors.MMSG_IOVEC, message.address() + iovec);
    message.putLong(Vectors.MMSG_IOVEC_COUNT, 1);
    message.putLong(iovec, message.address() + payload);
    message.putLong(iovec + 8, PAYLOAD_BYTES);
    long received = Sockets.recvmsg(socket, message.address(), MSG_DONTWAIT);
    long sent = Sockets.sendmsg(socket, message.address(), MSG_DONTWAIT);
    if (received != PAYLOAD_BYTES || sent != PAYLOAD_BYTES) {
      throw new IllegalStateException(
          "the server of the practice had " + received + " bytes, and sent " + sent);
    }
  }

  /** A datagram without a checksum. */
  private void send(Way way, int from, int to) {
    int udp = PacketView.IPV4_BYTES;
    packet.putShort(0, (short) 0x4500).putShort(2, (short) PACKET_BYTES).putShort(10, (short) 0);
    packet.put(8, (byte) 64).put(9, (byte) IpProtocol.UDP);
    packet.put(12, CLIENT).put(16, SERVER);
    packet.putShort(udp, (short) from).putShort(udp + 2, (short) to);
    packet.putShort(udp + 4, (short) (PACKET_BYTES - udp));
    Checksum.fillHeader(packet, 0);
    memory.putBytes(way.header, packet.array(), 0, PACKET_BYTES);
    for (int i = 0; i < way.header; i++) {
      memory.putByte(i, 0);
    }
    Sockets.send(way.flow.fd(), memory.address(), way.header + PACKET_BYTES, MSG_DONTWAIT);
  }

  private void receive(Way way) {
    if (Sockets.poll(way.flow.fd(), Sockets.POLLIN, PATIENCE_MS) == 0) {
      throw new IllegalStateException("a session of the practice carries nothing");
    }
    long bytes = Sockets.recv(way.flow.fd(), memory.address(), ROOM_BYTES, MSG_DONTWAIT);
    if (bytes != way.header + PACKET_BYTES) {
      throw new IllegalStateException("a session of the practice carries " + bytes + " bytes");
    }
  }

  /** Gives up the service, with its sessions; what it has set up goes with the namespace. */
  @Override
  public void close() {
    Fish started = fish;
    try {
      giveUp();
      ways.forEach(way -> way.flow.close());
      if (started != null) {
        finish(reports, started::close);
      }
    } finally {
      ways.forEach(way -> way.flow.close());
      if (server != null) {
        server.close();
      }
      namespace.close();
      removeFiles();
    }
  }
}

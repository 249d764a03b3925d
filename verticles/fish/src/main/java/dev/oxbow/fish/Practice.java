package dev.oxbow.fish;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.local.LocalClient;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Hand-overs of a Fish that nobody uses, in a namespace of its own: packets made by hand go out
 * through flows to a socket there, and its answers come back.
 */
final class Practice extends ServicePractice {
  private static final int SESSIONS = 2;

  /** Connections of a session; one packet of each is on the way, which a flow has room for. */
  private static final int CONNECTIONS = 8;

  private static final int ROUNDS = 8;
  private static final int FIRST_PORT = 5000;
  private static final int CLIENT = 0x0a00_0002;
  private static final byte[] SERVER = {(byte) 198, 18, 0, 1};
  private static final int PACKET_BYTES = 32;
  private static final int ROOM_BYTES = 2048;

  private final Vertx vertx;
  private final OxbowOptions options;
  private final Namespace namespace;
  private final List<Descriptor> flows = new ArrayList<>();
  private final List<Future<SessionReport>> reports = new ArrayList<>();
  private final NativeMemory packet = NativeMemory.allocate(ROOM_BYTES);
  private @Nullable DatagramSocket server;
  private @Nullable Fish fish;

  private Practice(Vertx vertx, Path directory) {
    super(vertx);
    this.vertx = vertx;
    this.options =
        new OxbowOptions(directory)
            .setFish(
                new FishOptions()
                    .setEgress(List.of(Grant.of("203.0.113.7", "20000-20999")))
                    .setMaxFlows(1024)
                    .setMaxClients(16)
                    .setMaxSessions(16));
    this.namespace = Namespace.open();
  }

  /** As {@link ServicePractice#run}. */
  static void run(Vertx vertx, Duration cpu, Duration wall) {
    try {
      Path directory = Files.createTempDirectory("oxbow-practice");
      try (Practice practice = new Practice(vertx, directory)) {
        practice.run(cpu, wall);
      } finally {
        Files.delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  protected ServiceVerticle start() {
    server =
        namespace.call(
            () -> {
              try (Interfaces links = Interfaces.open()) {
                // All that is above 128.0.0.0 is here, the address that packets leave from, too.
                links.up("lo");
                links.address4("lo", SERVER, 1);
              }
              DatagramSocket socket = new DatagramSocket(0);
              socket.setSoTimeout(PATIENCE_SECONDS * 1000);
              return socket;
            });
    Fish started = await(EmbeddedFish.start(vertx, options, null, namespace));
    fish = started;
    for (int i = 0; i < SESSIONS; i++) {
      open(started);
    }
    return (FishVerticle) started.transferable();
  }

  private void open(Fish started) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    Descriptor near = Descriptor.adopt((int) ends);
    flows.add(Descriptor.adopt((int) (ends >>> 32)));
    try {
      FishOptions own = Objects.requireNonNull(options.getFish());
      EgressSession session = await(started.egress(new EgressRequest(near, own.getEgress())));
      reports.add(session.closed().onSuccess(SessionReport::close));
    } catch (RuntimeException e) {
      near.close();
      throw e;
    }
  }

  @Override
  protected ServiceVerticle heirOf(Cargo cargo) {
    return new FishVerticle(options, cargo, namespace, LocalClient.newAddress(FishVerticle.NAME));
  }

  @Override
  protected void exchange() {
    DatagramSocket there = Objects.requireNonNull(server);
    DatagramPacket came = new DatagramPacket(new byte[PACKET_BYTES], PACKET_BYTES);
    try {
      for (int round = 0; round < ROUNDS; round++) {
        for (Descriptor flow : flows) {
          for (int i = 0; i < CONNECTIONS; i++) {
            write(FIRST_PORT + i, there.getLocalPort());
            Sockets.send(flow.fd(), packet.address(), PACKET_BYTES, MSG_DONTWAIT);
          }
          for (int i = 0; i < CONNECTIONS; i++) {
            there.receive(came);
            there.send(came);
          }
          for (int i = 0; i < CONNECTIONS; i++) {
            receive(flow.fd());
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A packet of UDP, without a checksum. */
  private void write(int from, int to) {
    ByteBuffer out = packet.view().order(ByteOrder.BIG_ENDIAN);
    out.put(new byte[PACKET_BYTES]);
    out.put(0, (byte) 0x45).putShort(2, (short) PACKET_BYTES).put(8, (byte) 64);
    out.put(9, (byte) IpProtocol.UDP).putInt(12, CLIENT).put(16, SERVER);
    out.putShort(20, (short) from).putShort(22, (short) to);
    out.putShort(24, (short) (PACKET_BYTES - 20));
    Checksum.fillHeader(out, 0);
  }

  private void receive(int flow) {
    if (Sockets.poll(flow, Sockets.POLLIN, PATIENCE_SECONDS * 1000) == 0) {
      throw new IllegalStateException("a flow of the practice moves nothing");
    }
    Sockets.recv(flow, packet.address(), ROOM_BYTES, MSG_DONTWAIT);
  }

  /** Ends the sessions with their flows. */
  @Override
  public void close() {
    Descriptor.closeAll(flows);
    try {
      await(Future.all(reports));
    } finally {
      if (fish != null) {
        await(fish.close());
      }
      if (server != null) {
        server.close();
      }
      namespace.close();
    }
  }
}

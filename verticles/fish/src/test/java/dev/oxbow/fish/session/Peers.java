package dev.oxbow.fish.session;

import static dev.oxbow.fish.session.EgressStage.OUTER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fish.session.EgressStage.Client;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Clients and servers of a stage that talk with one another. */
final class Peers {
  static final int PATIENCE_MS = 5_000;

  private final EgressStage stage;

  Peers(EgressStage stage) {
    this.stage = stage;
  }

  ServerSocket listen(String address) throws IOException {
    ServerSocket listener =
        stage.server.call(() -> new ServerSocket(0, 50, InetAddress.getByName(address)));
    listener.setSoTimeout(PATIENCE_MS);
    return listener;
  }

  DatagramSocket bind(String address) throws IOException {
    DatagramSocket socket =
        stage.server.call(
            () -> new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), 0)));
    socket.setSoTimeout(PATIENCE_MS);
    return socket;
  }

  static Socket connect(Client client, String address, int port) {
    return connect(client, address, port, 0);
  }

  static Socket connect(Client client, String address, int port, int own) {
    try {
      return client
          .namespace()
          .call(
              () -> {
                Socket socket = new Socket();
                try {
                  socket.setReuseAddress(true);
                  socket.bind(
                      own == 0 ? null : new InetSocketAddress(Packets.client(address), own));
                  socket.connect(new InetSocketAddress(address, port), PATIENCE_MS);
                  socket.setSoTimeout(PATIENCE_MS);
                  return socket;
                } catch (IOException e) {
                  socket.close();
                  throw e;
                }
              });
    } catch (CompletionException e) {
      throw new IllegalStateException(e.getCause().getMessage(), e);
    }
  }

  /** Asks a server and has its answer; the port that it saw. */
  static int ask(DatagramSocket socket, DatagramSocket server) throws IOException {
    return ask(socket, server, "ask " + socket.getLocalPort());
  }

  static int ask(DatagramSocket socket, DatagramSocket server, String text) throws IOException {
    socket.send(packet(text, server));
    DatagramPacket asked = receive(server);
    assertThat(new String(asked.getData(), 0, asked.getLength(), "US-ASCII")).isEqualTo(text);
    boolean four = server.getLocalAddress() instanceof Inet4Address;
    assertThat(asked.getAddress()).isEqualTo(InetAddress.getByName(four ? OUTER : "2001:db8:2::7"));
    server.send(new DatagramPacket(asked.getData(), asked.getLength(), asked.getSocketAddress()));
    socket.setSoTimeout(PATIENCE_MS);
    DatagramPacket answer = receive(socket);
    assertThat(answer.getLength()).isEqualTo(text.length());
    return asked.getPort();
  }

  static DatagramPacket packet(String text, DatagramSocket to) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    return new DatagramPacket(bytes, bytes.length, to.getLocalSocketAddress());
  }

  static DatagramPacket receive(DatagramSocket socket) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[9000], 9000);
    socket.receive(packet);
    return packet;
  }

  static void exchange(Socket from, Socket to, int bytes) throws IOException {
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    to.setSoTimeout(PATIENCE_MS);
    CompletableFuture<byte[]> received =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return to.getInputStream().readNBytes(bytes);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    from.getOutputStream().write(sent);
    assertThat(Arrays.equals(received.join(), sent)).isTrue();
  }

  /** UDP without a checksum from 10.0.0.2:5000 to the server, with four bytes. */
  static byte[] datagram(int ttl, int port) {
    ByteBuffer packet = ByteBuffer.allocate(32);
    packet.put(0, (byte) 0x45).putShort(2, (short) 32).put(8, (byte) ttl);
    packet.put(9, (byte) IpProtocol.UDP).putInt(12, 0x0a00_0002).putInt(16, 0xc633_6409);
    packet.putShort(20, (short) 5000).putShort(22, (short) port).putShort(24, (short) 12);
    Checksum.fillHeader(packet, 0);
    return packet.array();
  }

  /** Puts a packet into a flow. */
  static void send(Descriptor flow, byte[] packet) {
    NativeMemory memory = NativeMemory.allocate(packet.length);
    memory.putBytes(0, packet, 0, packet.length);
    assertThat(Syscalls.write(flow.fd(), memory.address(), packet.length)).isEqualTo(packet.length);
  }

  /** The next packet of a flow. */
  static PacketView packet(Descriptor flow) {
    NativeMemory memory = NativeMemory.allocate(1500);
    Await.until("a packet", () -> Syscalls.bytesWaiting(flow.fd()) > 0);
    int bytes = (int) Syscalls.read(flow.fd(), memory.address(), 1500);
    PacketView packet = new PacketView();
    assertThat(packet.parse(memory.view(), 0, bytes)).isNull();
    return packet;
  }
}

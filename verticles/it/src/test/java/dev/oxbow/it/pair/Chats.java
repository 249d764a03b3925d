package dev.oxbow.it.pair;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fish.session.Transfer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;

/** Connections of TCP on which both ends say something now and then. */
final class Chats implements AutoCloseable {
  private static final int PATIENCE_MS = 15_000;

  private final Namespace client;
  private final ServerSocket listener;
  final List<Socket> clients = new ArrayList<>();
  final List<Socket> servers = new ArrayList<>();
  private final List<Socket> others = new ArrayList<>();

  Chats(Namespace client, Namespace server, String address) {
    this.client = client;
    this.listener = server.call(() -> new ServerSocket(0, 500, InetAddress.getByName(address)));
  }

  /** Opens so many more. */
  Chats open(int count) throws IOException {
    listener.setSoTimeout(PATIENCE_MS);
    InetSocketAddress to =
        new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort());
    for (int i = 0; i < count; i++) {
      clients.add(
          client.call(
              () -> {
                Socket made = new Socket();
                made.connect(to, PATIENCE_MS);
                return made;
              }));
      servers.add(listener.accept());
      clients.get(clients.size() - 1).setSoTimeout(PATIENCE_MS);
      servers.get(servers.size() - 1).setSoTimeout(PATIENCE_MS);
    }
    return this;
  }

  /** From where the server sees those that are open. */
  List<SocketAddress> sources() {
    return servers.stream().map(Socket::getRemoteSocketAddress).toList();
  }

  /** Sends many bytes to the client of one of them, which is no chat any more. */
  Transfer download(int number, long bytes) throws IOException {
    Socket from = servers.remove(number);
    Socket to = clients.remove(number);
    others.add(from);
    others.add(to);
    return Transfer.begin(from, to, bytes);
  }

  /** Every server says something to its client first, and gets an answer. */
  void exchange() throws IOException {
    for (int i = 0; i < servers.size(); i++) {
      servers.get(i).getOutputStream().write(i & 0x7f);
      assertThat(clients.get(i).getInputStream().read()).isEqualTo(i & 0x7f);
      clients.get(i).getOutputStream().write(~i & 0x7f);
      assertThat(servers.get(i).getInputStream().read()).isEqualTo(~i & 0x7f);
    }
  }

  @Override
  public void close() throws IOException {
    others.addAll(clients);
    others.addAll(servers);
    for (Socket each : others) {
      each.close();
    }
    listener.close();
  }
}

package dev.oxbow.it.pair;

import dev.oxbow.fdpassing.device.Namespace;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A server that notes from when to when it saw which node use which address and port. */
final class Sightings implements AutoCloseable {
  private static final int QUEUE_BYTES = 8 << 20;

  private final DatagramSocket socket;
  private final Thread thread;
  private final Map<InetSocketAddress, Map<String, long[]>> seen = new HashMap<>();

  Sightings(Namespace namespace, String address, int port) {
    socket =
        namespace.call(
            () -> {
              DatagramSocket made =
                  new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), port));
              made.setReceiveBufferSize(QUEUE_BYTES);
              return made;
            });
    thread = new Thread(this::receive, "sightings");
    thread.start();
  }

  private void receive() {
    DatagramPacket packet = new DatagramPacket(new byte[64], 64);
    while (!socket.isClosed()) {
      try {
        packet.setLength(64);
        socket.receive(packet);
      } catch (SocketException closed) {
        return;
      } catch (IOException e) {
        throw new AssertionError(e);
      }
      long now = System.nanoTime();
      String node = new String(packet.getData(), 0, packet.getLength(), StandardCharsets.US_ASCII);
      synchronized (seen) {
        long[] times =
            seen.computeIfAbsent(
                    (InetSocketAddress) packet.getSocketAddress(), any -> new HashMap<>())
                .computeIfAbsent(node, any -> new long[] {now, now});
        times[1] = now;
      }
    }
  }

  /** How many ports of an address a node was seen to use. */
  int ports(String node, String address) {
    synchronized (seen) {
      return (int)
          seen.entrySet().stream()
              .filter(each -> each.getKey().getAddress().getHostAddress().equals(address))
              .filter(each -> each.getValue().containsKey(node))
              .count();
    }
  }

  /** How many five-tuples both nodes were seen to use, one after the other. */
  int inTurn() {
    synchronized (seen) {
      return (int) seen.values().stream().filter(nodes -> nodes.size() > 1).count();
    }
  }

  /** Five-tuples that both nodes used, with less than a rest between one and the other. */
  List<String> inCommon(long restNanos) {
    List<String> common = new ArrayList<>();
    synchronized (seen) {
      seen.forEach(
          (from, nodes) -> {
            List<long[]> times = List.copyOf(nodes.values());
            if (times.size() > 1
                && times.get(1)[0] - times.get(0)[1] < restNanos
                && times.get(0)[0] - times.get(1)[1] < restNanos) {
              common.add(from.toString());
            }
          });
    }
    return common;
  }

  @Override
  public void close() {
    socket.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}

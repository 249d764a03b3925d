package dev.oxbow.pair.hazelcast;

import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.cluster.MembershipListener;
import com.hazelcast.config.Config;
import com.hazelcast.config.JavaSerializationFilterConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.NetworkConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceNotActiveException;
import com.hazelcast.topic.ITopic;
import dev.oxbow.config.PairOptions;
import dev.oxbow.pair.link.Wire;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A member of a Hazelcast cluster of two, and a topic of it. Nothing is kept there: whoever gets no
 * frame asks again. So members have no data, and one that dies is not missed. All methods block.
 */
public final class HazelcastWire implements Wire {
  private static final String TOPIC = "oxbow";
  private static final Logger log = LoggerFactory.getLogger(HazelcastWire.class);
  private static final int MILLIS = 1_000;

  /** The other machine is near, or does not answer. */
  private static final int PROBE_MS = 300;

  private static final String LOGGING = "hazelcast.logging.type";

  /** What a member does that has no data, and whom nobody asks for more. */
  private static final Map<String, String> PROPERTIES =
      Map.ofEntries(
          Map.entry("hazelcast.phone.home.enabled", "false"),
          Map.entry("hazelcast.shutdownhook.enabled", "false"),
          Map.entry(LOGGING, "slf4j"),
          Map.entry("hazelcast.logging.details.enabled", "false"),
          Map.entry("hazelcast.socket.bind.any", "false"),
          Map.entry("hazelcast.prefer.ipv4.stack", "false"),
          Map.entry("hazelcast.wait.seconds.before.join", "0"),
          Map.entry("hazelcast.heartbeat.interval.seconds", "1"),
          Map.entry("hazelcast.connection.monitor.interval", "50"),
          Map.entry("hazelcast.connection.monitor.max.faults", "1"),
          Map.entry("hazelcast.merge.first.run.delay.seconds", "1"),
          Map.entry("hazelcast.merge.next.run.delay.seconds", "1"),
          Map.entry("hazelcast.operation.thread.count", "2"),
          Map.entry("hazelcast.operation.generic.thread.count", "2"),
          Map.entry("hazelcast.io.thread.count", "1"),
          Map.entry("hazelcast.event.thread.count", "1"),
          Map.entry("hazelcast.clientengine.thread.count", "1"),
          Map.entry("hazelcast.clientengine.query.thread.count", "1"),
          Map.entry("hazelcast.clientengine.blocking.thread.count", "1"),
          Map.entry("hazelcast.partition.count", "2"));

  private final HazelcastInstance member;
  private final ITopic<byte[]> topic;

  private HazelcastWire(HazelcastInstance member, Consumer<byte[]> receiver, Leaving leaving) {
    this.member = member;
    this.topic = member.getTopic(TOPIC);
    member.getCluster().addMembershipListener(leaving);
    topic.addMessageListener(
        message -> {
          // Whose number is another one after two clusters have become one.
          UUID own = member.getCluster().getLocalMember().getUuid();
          if (!own.equals(message.getPublishingMember().getUuid())) {
            receiver.accept(message.getMessageObject());
          }
        });
  }

  /**
   * Hears of members that leave. A connection that was reset, or silence, makes one leave, too:
   * only where nobody listens any more, as the other machine says, the process is held for dead. A
   * firewall between the two must not answer in its place.
   */
  private record Leaving(List<String> peers, Runnable left) implements MembershipListener {
    @Override
    public void memberAdded(MembershipEvent event) {}

    /** Who has another number since, after two clusters have become one, is there. */
    @Override
    public void memberRemoved(MembershipEvent event) {
      if (event.getMembers().size() == 1
          && !peers.isEmpty()
          && peers.stream().allMatch(Leaving::refuses)) {
        left.run();
      }
    }

    /** Whether a machine says that nobody listens there. */
    private static boolean refuses(String peer) {
      try (Socket socket = new Socket()) {
        socket.connect(
            new InetSocketAddress(
                InetAddress.getByName(PairOptions.host(peer)), PairOptions.port(peer)),
            PROBE_MS);
        return false;
      } catch (ConnectException e) {
        log.info("nobody listens at {}: {}", peer, e.getMessage());
        return true;
      } catch (IOException e) {
        log.info("whether the partner is alive is not known: {}: {}", peer, e.getMessage());
        return false;
      }
    }
  }

  /** Makes wires of a configuration. */
  public static Opener opener(PairOptions options) {
    return (receiver, left) -> open(options, receiver, left);
  }

  private static HazelcastWire open(PairOptions options, Consumer<byte[]> receiver, Runnable left) {
    requireFree(options.getListen());
    // What comes before the configuration is read would go elsewhere.
    System.setProperty(LOGGING, "slf4j");
    HazelcastInstance member;
    try {
      member = Hazelcast.newHazelcastInstance(config(options));
    } catch (RuntimeException e) {
      // Of several kinds, some of no kind of its own.
      throw new IllegalStateException("Hazelcast does not start: " + e.getMessage(), e);
    }
    try {
      return new HazelcastWire(member, receiver, new Leaving(others(options), left));
    } catch (HazelcastException | HazelcastInstanceNotActiveException e) {
      member.getLifecycleService().terminate();
      throw new IllegalStateException("Hazelcast has ended: " + e.getMessage(), e);
    }
  }

  /** Some list all members, this one included. */
  private static List<String> others(PairOptions options) {
    return options.getPeers().stream().filter(peer -> !peer.equals(options.getListen())).toList();
  }

  /** Soon told, where a start would take long to fail: the process before this one may listen. */
  private static void requireFree(String listen) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(
          new InetSocketAddress(
              InetAddress.getByName(PairOptions.host(listen)), PairOptions.port(listen)));
    } catch (IOException e) {
      throw new IllegalStateException("fish.pair.listen " + listen + ": " + e.getMessage(), e);
    }
  }

  private static Config config(PairOptions options) {
    Config config = new Config();
    config.setClusterName(options.getCluster());
    config.setInstanceName(null);
    PROPERTIES.forEach(config::setProperty);
    config.setProperty(
        "hazelcast.max.no.heartbeat.seconds",
        Integer.toString((options.getLostMs() + MILLIS - 1) / MILLIS));
    config.setLiteMember(true);
    // Whoever reaches the port can send objects: none but Java's and Hazelcast's own are made.
    config
        .getSerializationConfig()
        .setJavaSerializationFilterConfig(new JavaSerializationFilterConfig());
    config.getJetConfig().setEnabled(false);
    config.getMetricsConfig().setEnabled(false);
    NetworkConfig network = config.getNetworkConfig();
    network.setPort(PairOptions.port(options.getListen()));
    network.setPortAutoIncrement(false);
    network.setReuseAddress(true);
    network.getInterfaces().setEnabled(true);
    network.getInterfaces().addInterface(PairOptions.host(options.getListen()));
    JoinConfig join = network.getJoin();
    join.getAutoDetectionConfig().setEnabled(false);
    join.getMulticastConfig().setEnabled(false);
    join.getTcpIpConfig().setEnabled(true).setConnectionTimeoutSeconds(1);
    options.getPeers().forEach(join.getTcpIpConfig()::addMember);
    return config;
  }

  @Override
  public void send(byte[] frame) {
    try {
      topic.publish(frame);
    } catch (HazelcastException | HazelcastInstanceNotActiveException e) {
      throw new IllegalStateException("Hazelcast: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    member.getLifecycleService().terminate();
  }
}

package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What the gateway's two tenants send that is not TCP: numbered datagrams, one at a time, from the
 * same address and port, all the time. They leave from a slice of four ports of one shared address.
 * What the internet's side sees is captured. One thread, blocking, besides those that send.
 */
final class EgressAct {
  /** Where what is not TCP leaves from. */
  static final String ADDRESS = "192.0.2.7";

  private static final int FIRST = 20_000;
  private static final int LAST = 20_003;
  static final String SLICE = ADDRESS + ":" + FIRST + "-" + LAST;

  private static final int PORT = 4444;
  private static final int CLIENT_PORT = 4000;
  private static final long PAUSE_NANOS = 10_000_000;
  private static final int PATIENCE_MS = 500;
  private static final int LONG_MS = 5_000;

  /** Of a client that is to get no answer. */
  private static final int SHORT_MS = 300;

  /** Whose datagrams use up the slice. */
  private static final int CROWD = -1;

  /** Found out once, since a namespace and a tun are made for it. */
  private static final List<String> LACKS = look();

  private final Capture capture;
  private final Namespace origin;
  private final DatagramSocket server;
  private final Map<Integer, Set<String>> sources = new ConcurrentHashMap<>();
  private final List<Asker> tenants = new ArrayList<>();
  private final List<CompletableFuture<Void>> tasks = new ArrayList<>();
  private final List<EgressOutcome.Gap> gaps = new CopyOnWriteArrayList<>();
  private volatile boolean over;

  private EgressAct(Stage stage) throws InterruptedException {
    this.capture = Capture.start(stage);
    this.origin = Network.enter(Network.Place.ORIGIN);
    this.server = origin.call(() -> new DatagramSocket(PORT));
    start("origin-udp", this::serve);
    for (Network.Place place : GatewayAct.TENANTS) {
      Asker tenant = asker(tenants.size(), place, CLIENT_PORT);
      tenants.add(tenant);
      start(place.namespace(), () -> talk(tenant));
    }
  }

  /** What this machine lacks for it besides what the gateway takes; empty when it is possible. */
  static List<String> lacks() {
    return LACKS;
  }

  private static List<String> look() {
    List<String> lacks = new ArrayList<>();
    if (Capture.find().isEmpty()) {
      lacks.add("tcpdump is missing (Debian: apt-get install tcpdump)");
    }
    if (Tools.find("nft").isEmpty()) {
      lacks.add("nft is missing (Debian: apt-get install nftables)");
    }
    if (!GatewayAct.lacks().isEmpty()) {
      lacks.add("there is no gateway");
    }
    if (lacks.isEmpty()) {
      try {
        FishTrial.run(new FishOptions().setEgress(List.of(new Grant(ADDRESS, FIRST, LAST))));
      } catch (StartException e) {
        lacks.add(String.valueOf(e.getMessage()));
      }
    }
    return List.copyOf(lacks);
  }

  /** Begins to send, if there is a gateway and this machine has what it takes. */
  static Optional<EgressAct> begin(Stage stage, boolean gateway, Progress progress)
      throws InterruptedException {
    if (!LACKS.isEmpty()) {
      progress.say("the demo goes without Fish: " + String.join("; ", LACKS));
    }
    if (!gateway || !LACKS.isEmpty()) {
      return Optional.empty();
    }
    progress.say("both tenants send datagrams, too, which leave from " + SLICE);
    return Optional.of(new EgressAct(stage));
  }

  private static Asker asker(int whose, Network.Place place, int port) {
    InetSocketAddress there = new InetSocketAddress(Network.ORIGIN_ADDRESS, PORT);
    return new Asker(whose, place, port, there);
  }

  private void start(String name, Runnable task) {
    tasks.add(
        CompletableFuture.runAsync(
            task,
            run -> {
              Thread thread = new Thread(run, name);
              thread.setDaemon(true);
              thread.start();
            }));
  }

  /** Answers everybody, and notes who asked. */
  private void serve() {
    try (DatagramSocket socket = server) {
      while (true) {
        DatagramPacket packet = new DatagramPacket(new byte[Asker.BYTES], Asker.BYTES);
        socket.receive(packet);
        int whose = ByteBuffer.wrap(packet.getData()).getInt();
        String source = packet.getAddress().getHostAddress() + ":" + packet.getPort();
        sources.computeIfAbsent(whose, key -> new ConcurrentSkipListSet<>()).add(source);
        socket.send(packet);
      }
    } catch (IOException e) {
      if (!over) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void talk(Asker tenant) {
    try {
      while (!over) {
        boolean unused = tenant.ask(PATIENCE_MS);
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A successor of the gateway is about to be killed, while it carries packets already. */
  void dies(Child successor) {
    tasks.add(
        successor
            .process()
            .onExit()
            .thenRun(() -> gaps.add(new EgressOutcome.Gap(true, before(), System.nanoTime()))));
  }

  /** What was sent earlier and has no answer had time enough for it. */
  private static long before() {
    return System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
  }

  /**
   * The gateway is killed now.
   *
   * @return to be run when the next one carries packets
   */
  Runnable killed() {
    long from = before();
    return () -> gaps.add(new EgressOutcome.Gap(false, from, System.nanoTime()));
  }

  /** Uses up the slice, ends all, and counts; the gateway is still there. */
  EgressOutcome end(Child gateway) throws InterruptedException, IOException {
    int refused = useUp();
    gateway.await("a word of it", LONG_MS / 1000, () -> toldOfExhaustion(gateway));
    over = true;
    tasks.subList(1, tasks.size()).forEach(CompletableFuture::join);
    server.close();
    tasks.get(0).join();
    int answered = tenants.stream().mapToInt(t -> t.sent() - t.unanswered().size()).sum();
    Capture.Seen seen = capture.end(answered, EgressAct::inSlice);
    tenants.forEach(Asker::close);
    origin.close();
    List<Set<String>> ports = new ArrayList<>();
    for (int i = 0; i < tenants.size(); i++) {
      ports.add(new TreeSet<>(sources.getOrDefault(i, Set.of())));
    }
    return new EgressOutcome(
        EgressOutcome.Figures.of(tenants, List.copyOf(gaps)),
        ports,
        seen,
        refused,
        toldOfExhaustion(gateway));
  }

  /** Each tenant has a connection to that server: of four ports two are left, then none. */
  private int useUp() throws IOException {
    List<Asker> crowd = new ArrayList<>();
    int refused = 0;
    try {
      for (int i = tenants.size(); i <= LAST - FIRST + 1; i++) {
        Asker one = asker(CROWD, Network.Place.TENANT_A, 0);
        crowd.add(one);
        refused += one.ask(i <= LAST - FIRST ? LONG_MS : SHORT_MS) ? 0 : 1;
      }
    } finally {
      crowd.forEach(Asker::close);
    }
    return refused;
  }

  private static boolean toldOfExhaustion(Child gateway) {
    return gateway.said("no port of " + ADDRESS + " ");
  }

  /** An ICMP error has no port; the kernel sends none but for a connection in the slice. */
  private static boolean inSlice(Capture.Source source) {
    boolean port = source.port() < 0 || (source.port() >= FIRST && source.port() <= LAST);
    return source.address().equals(ADDRESS) && port;
  }
}

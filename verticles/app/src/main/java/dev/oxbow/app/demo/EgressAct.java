package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

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

  private static final int PORT = 5353;
  private static final int CLIENT_PORT = 4000;
  private static final int PAUSE_MS = 20;
  private static final int PATIENCE_MS = 5_000;

  /** Of a client that is to get no answer. */
  private static final int SHORT_MS = 300;

  private static final Pattern SEEN = Pattern.compile(" IP ([0-9.]+)\\.([0-9]+) > ");

  /** Found out once, since a namespace and a tun are made for it. */
  private static final boolean POSSIBLE = look();

  private final Stage stage;
  private final List<Namespace> namespaces = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final DatagramSocket server;
  private final Set<String> sources = new ConcurrentSkipListSet<>();
  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicInteger answered = new AtomicInteger();
  private final @Nullable Child capture;
  private volatile boolean over;

  /**
   * What came of it. Of what a process has in its hands when it is killed, a datagram of each
   * tenant may be lost.
   *
   * @param sources address and port, as the server saw them while both tenants sent
   * @param captured packets from the tenants to the server; -1 without tcpdump
   * @param strays those of them that came from elsewhere
   * @param refused clients that found no port, and got no answer
   * @param told whether the gateway said so
   */
  record Outcome(
      int sent,
      int answered,
      Set<String> sources,
      int captured,
      int strays,
      int refused,
      boolean told) {

    Proof proof() {
      boolean held =
          sent > 0
              && sent - answered <= GatewayAct.TENANTS.size()
              && sources.size() == GatewayAct.TENANTS.size()
              && strays == 0
              && (captured < 0 || captured >= sent)
              && refused == 1
              && told;
      return new Proof(
          "egress",
          "What is not TCP leaves from exactly the slice that was asked for, or not at all",
          held,
          String.format(
              Locale.ROOT,
              "%d of %d datagrams of two tenants with equal addresses answered, over all upgrades"
                  + " of the gateway and a successor that was killed; the internet saw %s, %s; the"
                  + " fifth connection to one server found none of four ports: %s",
              answered,
              sent,
              String.join(" and ", sources),
              captured < 0
                  ? "and no capture was taken, as there is no tcpdump"
                  : captured + " packets were captured, " + strays + " of them out of the slice",
              refused == 1 && told ? "it was dropped and told" : "it was not told"));
    }
  }

  private EgressAct(Stage stage, Progress progress) throws InterruptedException {
    this.stage = stage;
    this.server = within(Network.Place.ORIGIN, PORT);
    Optional<Path> tcpdump = Tools.find("tcpdump");
    if (tcpdump.isEmpty()) {
      progress.say("no tcpdump here: what the internet sees of the slice is not captured");
    }
    this.capture = tcpdump.isPresent() ? capture(tcpdump.get()) : null;
  }

  /** Whether this machine has what it takes. */
  static boolean possible() {
    return POSSIBLE;
  }

  private static boolean look() {
    if (!GatewayAct.possible() || Tools.find("nft").isEmpty()) {
      return false;
    }
    try {
      FishTrial.run(new FishOptions().setEgress(List.of(new Grant(ADDRESS, FIRST, LAST))));
      return true;
    } catch (StartException e) {
      return false;
    }
  }

  /** Begins to send, if there is a gateway and this machine has what it takes. */
  static Optional<EgressAct> begin(Stage stage, boolean gateway, Progress progress)
      throws InterruptedException {
    if (!gateway) {
      return Optional.empty();
    }
    if (!possible()) {
      progress.say("no nft or conntrack here: the demo goes without Fish");
      return Optional.empty();
    }
    progress.say("both tenants send datagrams, too, which leave from " + SLICE);
    EgressAct act = new EgressAct(stage, progress);
    act.start("origin-udp", act::serve);
    for (Network.Place tenant : GatewayAct.TENANTS) {
      DatagramSocket socket = act.within(tenant, CLIENT_PORT);
      act.start(tenant.namespace(), () -> act.talk(socket));
    }
    return Optional.of(act);
  }

  private Child capture(Path tcpdump) throws InterruptedException {
    List<String> command =
        List.of(tcpdump.toString(), "-n", "-l", "-i", "to-proxy", "udp dst port " + PORT);
    Child child =
        stage.start(
            "capture",
            Network.Place.ORIGIN,
            command,
            ProcessBuilder.Redirect.to(captured().toFile()));
    child.await("the capture", PATIENCE_MS / 1000, () -> child.said("listening on"));
    return child;
  }

  private Path captured() {
    return stage.folder().resolve("captured.txt");
  }

  private void start(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    threads.add(thread);
    thread.start();
  }

  private DatagramSocket within(Network.Place place, int port) {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    Namespace namespace =
        Namespace.adopt(Descriptor.adopt(Syscalls.open(Network.file(place).toString(), flags, 0)));
    namespaces.add(namespace);
    return namespace.call(() -> new DatagramSocket(port));
  }

  /** Answers everybody, and notes who asked. */
  private void serve() {
    try (DatagramSocket socket = server) {
      while (true) {
        DatagramPacket packet = new DatagramPacket(new byte[Integer.BYTES], Integer.BYTES);
        socket.receive(packet);
        sources.add(packet.getAddress().getHostAddress() + ":" + packet.getPort());
        socket.send(packet);
      }
    } catch (IOException e) {
      if (!over) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** A datagram and its answer, again and again. */
  private void talk(DatagramSocket own) {
    try (DatagramSocket socket = own) {
      for (int number = 0; !over; number++) {
        sent.incrementAndGet();
        if (ask(socket, number, PATIENCE_MS)) {
          answered.incrementAndGet();
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MS));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean ask(DatagramSocket socket, int number, int patienceMs) throws IOException {
    byte[] asked = ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
    InetSocketAddress there = new InetSocketAddress(Network.ORIGIN_ADDRESS, PORT);
    socket.send(new DatagramPacket(asked, asked.length, there));
    socket.setSoTimeout(patienceMs);
    DatagramPacket answer = new DatagramPacket(new byte[Integer.BYTES], Integer.BYTES);
    try {
      socket.receive(answer);
      return ByteBuffer.wrap(answer.getData()).getInt() == number;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  /** Uses up the slice, ends all, and counts; the gateway is still there. */
  Outcome end(Child gateway) throws InterruptedException, IOException {
    List<DatagramSocket> more = new ArrayList<>();
    Set<String> seen = new TreeSet<>(sources);
    int refused = 0;
    try {
      // Each tenant has a connection to that server: of four ports two are left, then none.
      for (int i = GatewayAct.TENANTS.size(); i <= LAST - FIRST + 1; i++) {
        DatagramSocket socket = within(Network.Place.TENANT_A, 0);
        more.add(socket);
        refused += ask(socket, i, i <= LAST - FIRST ? PATIENCE_MS : SHORT_MS) ? 0 : 1;
      }
      gateway.await("a word of it", PATIENCE_MS / 1000, () -> toldOfExhaustion(gateway));
    } finally {
      over = true;
      more.forEach(DatagramSocket::close);
    }
    for (Thread thread : threads.subList(1, threads.size())) {
      thread.join();
    }
    int captured = -1;
    int strays = 0;
    if (capture != null) {
      Child running = capture;
      running.await("the capture", PATIENCE_MS / 1000, () -> lines().size() >= sent.get());
      running.kill();
      captured = lines().size();
      strays = (int) lines().stream().filter(line -> !inSlice(line)).count();
    }
    server.close();
    threads.get(0).join();
    namespaces.forEach(Namespace::close);
    return new Outcome(
        sent.get(), answered.get(), seen, captured, strays, refused, toldOfExhaustion(gateway));
  }

  private static boolean toldOfExhaustion(Child gateway) {
    return gateway.said("no port of " + ADDRESS + " ");
  }

  private List<String> lines() {
    try {
      return Files.readAllLines(captured());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean inSlice(String line) {
    Matcher matcher = SEEN.matcher(line);
    if (!matcher.find() || !matcher.group(1).equals(ADDRESS)) {
      return false;
    }
    int port = Integer.parseInt(matcher.group(2));
    return port >= FIRST && port <= LAST;
  }
}

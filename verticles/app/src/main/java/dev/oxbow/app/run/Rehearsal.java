package dev.oxbow.app.run;

import dev.oxbow.app.check.Finding;
import dev.oxbow.app.check.PacketsCheck;
import dev.oxbow.app.process.NativeVertx;
import dev.oxbow.app.upgrade.WarmUp;
import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.Tunnel;
import dev.oxbow.bumblebee.UpgradeRequest;
import dev.oxbow.config.FishOptions;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fish.FishTrial;
import dev.oxbow.fish.FishVerticle;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.splicer.Relay;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.SpliceRequest;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A short life of a process that serves, so that a JVM loads the classes that the next one will
 * need, and writes them to an archive. What a service does in its first second belongs here.
 */
final class Rehearsal {
  private static final Logger log = LoggerFactory.getLogger(Rehearsal.class);
  private static final long PATIENCE_SECONDS = 30;
  private static final int BYTES = 4096;

  /** Those that any user may run on any machine. */
  private static final String EVERYWHERE = "splicer: {}\n";

  /** Those that need rights and devices. */
  private static final String WITH_PACKETS = "bumblebee: {}\n";

  /** What may be left in the folder, and it. */
  private static final List<String> LEFT_OVER =
      List.of("run/oxbow.lock", "run/splicer.sock", "run/bumblebee.sock", "run", "oxbow.yaml", "");

  private Rehearsal() {}

  /** Starts, relays, hands over, stops; the exit status. Blocks. */
  static int run() throws Exception {
    Path folder = Files.createTempDirectory("oxbow-rehearsal");
    Path config = folder.resolve("oxbow.yaml");
    try {
      String services = EVERYWHERE + (carriesPackets() ? WITH_PACKETS : "");
      Files.writeString(config, "runtimeDir: " + folder.resolve("run") + "\n" + services);
      CountDownLatch stop = new CountDownLatch(1);
      OxbowOptions options = OxbowConfig.load(config);
      return ServiceProcess.serve(
          options,
          stop,
          directory -> {
            relay(directory.resolve("splicer.sock"));
            if (options.getBumblebee() != null) {
              carry(directory.resolve("bumblebee.sock"));
            }
            WarmUp.once((vertx, cpu, wall) -> Services.practise(vertx, options, cpu, wall));
            if (canTranslate()) {
              // In a namespace of its own: one that serves would be in this machine's.
              WarmUp.once(FishVerticle::practise);
            }
            stop.countDown();
          });
    } finally {
      for (String file : LEFT_OVER) {
        Files.deleteIfExists(folder.resolve(file));
      }
    }
  }

  private static boolean carriesPackets() {
    return PacketsCheck.examine(true).stream()
        .allMatch(
            found -> found.level() == Finding.Level.OK || found.level() == Finding.Level.WARN);
  }

  private static boolean canTranslate() {
    try {
      FishTrial.run(new FishOptions().setEgress(List.of(Grant.of("203.0.113.7", "20000-20999"))));
      return true;
    } catch (StartException e) {
      log.debug("the rehearsal goes without Fish", e);
      return false;
    }
  }

  /** Opens a tunnel as a proxy would; what goes through one is a matter of the practice. */
  private static void carry(Path socket) throws Exception {
    Vertx vertx = NativeVertx.open(1);
    Descriptor[] flow = pair(Sockets.SOCK_SEQPACKET);
    try {
      Bumblebee bumblebee = get(Bumblebee.remote(vertx, socket, "rehearsal"));
      Tunnel tunnel = get(bumblebee.upgrade(new UpgradeRequest(flow[0])));
      get(bumblebee.list(null, 1));
      flow[1].close();
      get(tunnel.closed()).close();
      get(bumblebee.stats());
      get(bumblebee.close());
    } finally {
      Descriptor.closeAll(List.of(flow));
      vertx.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
  }

  /** Uses the service as a proxy would, from the first byte to the report. */
  private static void relay(Path socket) throws Exception {
    Vertx vertx = NativeVertx.open(1);
    Descriptor[] client = pair(Sockets.SOCK_STREAM);
    Descriptor[] server = pair(Sockets.SOCK_STREAM);
    try {
      Splicer splicer = get(Splicer.remote(vertx, socket, "rehearsal"));
      Relay relay =
          get(splicer.splice(new SpliceRequest(client[1], server[1]).setMetadata("rehearsal")));
      send(client[0], server[0]);
      send(server[0], client[0]);
      client[0].close();
      server[0].close();
      try (SpliceReport report = get(relay.finished())) {
        if (report.bytesAToB() != BYTES) {
          throw new IllegalStateException("relayed " + report.bytesAToB() + " bytes: " + report);
        }
      }
      get(splicer.stats());
      get(splicer.close());
    } finally {
      Descriptor.closeAll(List.of(client[0], client[1], server[0], server[1]));
      vertx.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
  }

  private static void send(Descriptor from, Descriptor to) {
    NativeMemory memory = NativeMemory.allocate(BYTES);
    Sockets.send(from.fd(), memory.address(), BYTES, 0);
    for (int received = 0; received < BYTES; ) {
      received += (int) Sockets.recv(to.fd(), memory.address(), BYTES, 0);
    }
  }

  private static Descriptor[] pair(int type) {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, type);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }
}

package dev.oxbow.splicer;

import static dev.oxbow.fdpassing.libc.Sockets.MSG_DONTWAIT;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePractice;
import dev.oxbow.service.verticle.ServiceVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Hand-overs of a Splicer that nobody uses, with relays between socket pairs. */
class Practice extends ServicePractice {

  /** More than one in each group, so that lists of them are walked. */
  private static final int MAX_RELAYS = 96;

  /** Both ends of both sockets, two copies of what is relayed, pipes and their copies. */
  private static final int DESCRIPTORS_PER_RELAY = 24;

  private static final int PIPE_BYTES = 64 << 10;
  private static final int BYTES = 256;

  private final Vertx vertx;
  private final int relays;
  private final OxbowOptions options;
  private final List<Descriptor[]> peers = new ArrayList<>();
  private final List<Future<SpliceReport>> reports = new ArrayList<>();
  private final NativeMemory buffer = NativeMemory.allocate(BYTES);
  private @Nullable Splicer splicer;

  Practice(Vertx vertx, int relays) {
    super(vertx);
    this.vertx = vertx;
    this.relays = relays;
    this.options =
        new OxbowOptions(NOWHERE)
            .setSplicer(new SplicerOptions().setLoops(1).setPipeBytes(PIPE_BYTES));
  }

  /** As {@link ServicePractice#run}; not at all where descriptors are short. */
  static void run(Vertx vertx, Duration cpu, Duration wall) {
    long free = Syscalls.descriptorLimit() - Syscalls.openDescriptors();
    int relays = (int) Math.min(MAX_RELAYS, free / 2 / DESCRIPTORS_PER_RELAY);
    if (relays > 0) {
      try (Practice practice = new Practice(vertx, relays)) {
        practice.run(cpu, wall);
      }
    }
  }

  @Override
  protected ServiceVerticle start() {
    String address = EmbeddedSplicer.newAddress();
    SplicerVerticle home = new SplicerVerticle(options, null, address);
    Splicer started = await(EmbeddedSplicer.start(vertx, address, home));
    splicer = started;
    for (int i = 0; i < relays; i++) {
      Descriptor[] client = pair();
      Descriptor[] server = pair();
      peers.add(new Descriptor[] {client[0], server[0]});
      try {
        Relay relay = await(started.splice(new SpliceRequest(client[1], server[1])));
        reports.add(relay.finished().onSuccess(SpliceReport::close));
      } catch (RuntimeException e) {
        Descriptor.closeAll(List.of(client[1], server[1]));
        throw e;
      }
    }
    return home;
  }

  @Override
  protected ServiceVerticle heirOf(Cargo cargo) {
    return new SplicerVerticle(options, cargo, EmbeddedSplicer.newAddress());
  }

  private static Descriptor[] pair() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_STREAM);
    return new Descriptor[] {Descriptor.adopt((int) ends), Descriptor.adopt((int) (ends >>> 32))};
  }

  @Override
  protected void exchange() {
    for (Descriptor[] ends : peers) {
      Sockets.send(ends[0].fd(), buffer.address(), BYTES, MSG_DONTWAIT);
      Sockets.send(ends[1].fd(), buffer.address(), BYTES, MSG_DONTWAIT);
    }
    for (Descriptor[] ends : peers) {
      receive(ends[0].fd());
      receive(ends[1].fd());
    }
  }

  private void receive(int fd) {
    for (long received = 0; received < BYTES; ) {
      if (Sockets.poll(fd, Sockets.POLLIN, PATIENCE_SECONDS * 1000) == 0) {
        throw new IllegalStateException("a relay of the practice moves nothing");
      }
      received += Math.max(0, Sockets.recv(fd, buffer.address(), BYTES - received, MSG_DONTWAIT));
    }
  }

  /** Ends the relays, whose sockets come back and are closed. */
  @Override
  public void close() {
    peers.forEach(ends -> Descriptor.closeAll(List.of(ends)));
    Splicer started = splicer;
    if (started != null) {
      finish(reports, started::close);
    }
  }
}

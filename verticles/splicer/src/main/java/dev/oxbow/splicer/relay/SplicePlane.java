package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.IOException;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The data plane that relays by splice(2) on the event loops of Vert.x. */
public final class SplicePlane implements DataPlane {
  private static final Logger log = LoggerFactory.getLogger(SplicePlane.class);

  private final DescriptorLoop control;
  private final List<RelayLoop> loops;
  private final Ledger ledger;
  private final Watchdog watchdog;

  /**
   * @param control where it is called and where outcomes are told
   * @param loops where relays run; may contain the control loop
   * @param options sizes and limits
   * @param strays who closes descriptors that relayed bytes carried
   */
  public SplicePlane(
      DescriptorLoop control, List<DescriptorLoop> loops, Options options, Strays strays) {
    this.control = control;
    this.ledger = new Ledger((options.relays + GROUPS - 1) / GROUPS);
    int idle = options.idlePipes / loops.size();
    this.loops =
        loops.stream()
            .map(loop -> new RelayLoop(loop, control, strays, options.pipeBytes, idle))
            .toList();
    this.watchdog = new Watchdog(this.loops, options.stallMs);
    for (RelayLoop loop : this.loops) {
      loop.execute(() -> bind(loop));
    }
    watchdog.start();
  }

  /**
   * Sizes and limits.
   *
   * @param relays that can live at once, in all
   * @param pipeBytes wanted capacity of a pipe
   * @param idlePipes pipes that may stay open without use, in all
   * @param stallMs how long a socket may hold a loop before it is shut down
   */
  public record Options(int relays, int pipeBytes, int idlePipes, long stallMs) {}

  private static void bind(RelayLoop loop) {
    try {
      loop.guard().bindThread();
    } catch (IOException e) {
      log.warn("no /proc: a socket that blocks an event loop will not be noticed", e);
    }
  }

  @Override
  public @Nullable LiveRelay attach(RelaySpec spec, Observer observer) {
    int group = (int) (spec.id() % GROUPS);
    RelayRecord record = ledger.free(group);
    if (record == null) {
      return null;
    }
    record.begin(spec, System.nanoTime());
    RelayLoop loop = loops.get(group % loops.size());
    Relay relay =
        new Relay(
            loop,
            spec,
            record,
            new Observer() {
              @Override
              public void preludeWritten(Side to) {
                observer.preludeWritten(to);
              }

              @Override
              public void finished(RelayOutcome outcome) {
                record.clear();
                observer.finished(outcome);
              }
            });
    loop.start(relay);
    return relay;
  }

  @Override
  public Future<Void> freeze(int group) {
    return onLoop(group, loops.get(group % loops.size())::freeze);
  }

  @Override
  public Future<Void> thaw(int group) {
    return onLoop(group, loops.get(group % loops.size())::thaw);
  }

  private Future<Void> onLoop(int group, IntConsumer step) {
    Promise<Void> done = Promise.promise();
    loops
        .get(group % loops.size())
        .execute(
            () -> {
              step.accept(group);
              control.execute(done::complete);
            });
    return done.future();
  }

  @Override
  public Counters counters() {
    long pipes = loops.stream().mapToLong(RelayLoop::openPipes).sum();
    long idle = loops.stream().mapToLong(RelayLoop::idlePipes).sum();
    return new Counters(pipes, idle, watchdog.stalls());
  }

  @Override
  public void close() {
    watchdog.stop();
    loops.forEach(loop -> loop.execute(loop::close));
    ledger.close();
  }
}

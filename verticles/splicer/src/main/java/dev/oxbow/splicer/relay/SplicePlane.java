package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Pipe;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.verticle.ServicePlane;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The data plane that relays by splice(2) on the event loops of Vert.x. */
public final class SplicePlane implements DataPlane {
  private static final Logger log = LoggerFactory.getLogger(SplicePlane.class);

  /** Version of the state that a plane lends, and the oldest that one inherits. */
  public static final int LAYOUT = Ledger.VERSION;

  public static final int OLDEST_LAYOUT = Ledger.OLDEST;

  private static final String LEDGER = "ledger";
  private static final String PIPE = "pipe/";
  private static final String READ = "/r";
  private static final String WRITE = "/w";

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
    this(control, loops, options, strays, new Ledger((options.relays + GROUPS - 1) / GROUPS), true);
  }

  private SplicePlane(
      DescriptorLoop control,
      List<DescriptorLoop> loops,
      Options options,
      Strays strays,
      Ledger ledger,
      boolean alone) {
    this.control = control;
    this.ledger = ledger;
    int idle = options.idlePipes / loops.size();
    PipeShare share = PipeShare.ofThisProcess();
    this.loops =
        loops.stream()
            .map(
                loop ->
                    new RelayLoop(
                        loop,
                        control,
                        strays,
                        options.pipeBytes,
                        idle,
                        share,
                        options.busyPollMicros))
            .toList();
    this.watchdog = new Watchdog(this.loops, options.stallMs);
    for (RelayLoop loop : this.loops) {
      if (!alone) {
        loop.inherit();
      }
      loop.execute(() -> bind(loop));
    }
    watchdog.start();
  }

  /**
   * A plane that takes over from another process's: all groups are frozen, and the relays are still
   * to be adopted.
   *
   * @param cargo what that plane lent; ledger and pipes are taken out of it
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  public static SplicePlane inherit(
      DescriptorLoop control,
      List<DescriptorLoop> loops,
      Options options,
      Strays strays,
      Cargo cargo) {
    SplicePlane plane =
        new SplicePlane(control, loops, options, strays, Ledger.adopt(cargo.take(LEDGER)), false);
    for (String name : List.copyOf(cargo.names())) {
      if (name.startsWith(PIPE) && name.endsWith(READ)) {
        String pipe = name.substring(0, name.length() - READ.length());
        String[] numbers = pipe.substring(PIPE.length()).split("/", -1);
        int group = Integer.parseInt(numbers[0]);
        plane
            .loopOf(group)
            .adopt(
                group,
                Integer.parseInt(numbers[1]),
                Pipe.adopt(cargo.take(name), cargo.take(pipe + WRITE)));
      }
    }
    return plane;
  }

  private RelayLoop loopOf(int group) {
    return loops.get(group % loops.size());
  }

  /**
   * Sizes and limits.
   *
   * @param relays that can live at once, in all
   * @param pipeBytes wanted capacity of a pipe
   * @param idlePipes pipes that may stay open without use, in all
   * @param stallMs how long a socket may hold a loop before it is shut down
   * @param busyPollMicros how long a loop stays awake after a small message; 0 for not at all
   */
  public record Options(
      int relays, int pipeBytes, int idlePipes, long stallMs, int busyPollMicros) {}

  private static void bind(RelayLoop loop) {
    try {
      loop.guard().bindThread();
    } catch (IOException e) {
      log.warn("no /proc: a socket that blocks an event loop will not be noticed", e);
    }
  }

  @Override
  public @Nullable LiveRelay attach(RelaySpec spec, Observer observer) {
    int group = ServicePlane.groupOf(spec.id());
    RelayRecord record = ledger.free(group);
    if (record == null) {
      return null;
    }
    record.begin(spec, System.nanoTime());
    Relay relay = relay(spec, record, observer);
    loopOf(group).start(relay);
    return relay;
  }

  @Override
  public LiveRelay adopt(int slot, RelayRecord.Sockets sockets, Observer observer) {
    if (slot < 0 || slot >= ledger.records() || ledger.record(slot).id() == 0) {
      throw new IllegalArgumentException("no relay in record " + slot);
    }
    RelayRecord record = ledger.record(slot);
    Relay relay = relay(record.spec(sockets), record, observer);
    loopOf(relay.group()).adopt(relay);
    return relay;
  }

  private Relay relay(RelaySpec spec, RelayRecord record, Observer observer) {
    return new Relay(
        loopOf(ServicePlane.groupOf(spec.id())),
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
  }

  @Override
  public Future<Void> freeze(int group) {
    return loopOf(group).call(() -> loopOf(group).freeze(group));
  }

  @Override
  public Future<Void> thaw(int group) {
    return loopOf(group).call(() -> loopOf(group).thaw(group));
  }

  @Override
  public int flows(int group) {
    return loopOf(group).flows(group);
  }

  @Override
  public Future<Void> share(Cargo cargo) {
    Future<Void> shared = Future.succeededFuture();
    for (int group = 0; group < GROUPS; group++) {
      int next = group;
      RelayLoop loop = loopOf(group);
      // A timer each: tasks of a loop that follow one another keep it from looking for events.
      shared = shared.compose(v -> later(loop, () -> loop.provide(next)));
    }
    for (int i = 0; i < loops.size(); i++) {
      int index = i;
      RelayLoop loop = loops.get(i);
      List<Integer> groups =
          IntStream.range(0, GROUPS).filter(g -> g % loops.size() == index).boxed().toList();
      Map<String, Pipe> pipes = new LinkedHashMap<>();
      shared =
          shared
              .compose(
                  v ->
                      onLoop(
                          loop,
                          () -> {
                            loop.share(groups);
                            groups.forEach(group -> pipes(loop, group, pipes));
                          }))
              .compose(
                  v -> {
                    pipes.forEach((name, pipe) -> lend(cargo, name, pipe));
                    return Future.succeededFuture();
                  });
    }
    return shared.map(v -> cargo.lend(LEDGER, ledger.descriptor())).mapEmpty();
  }

  private static Future<Void> later(RelayLoop loop, Runnable step) {
    Promise<Void> done = Promise.promise();
    loop.schedule(() -> loop.call(step).onComplete(done), 0);
    return done.future();
  }

  /** At most so many pipes are opened by {@link #share}. */
  public long pipesToShare() {
    return IntStream.range(0, GROUPS).mapToLong(g -> LoopPipes.toShare(flows(g))).sum();
  }

  private static void pipes(RelayLoop loop, int group, Map<String, Pipe> pipes) {
    PipePool pool = loop.pipes().of(group);
    for (int number = 0; number < pool.size(); number++) {
      if (pool.has(number)) {
        pipes.put(PIPE + group + "/" + number, pool.get(number));
      }
    }
  }

  private static void lend(Cargo cargo, String name, Pipe pipe) {
    cargo.lend(name + READ, pipe.readEnd()).lend(name + WRITE, pipe.writeEnd());
  }

  @Override
  public Future<Void> unshare() {
    return Future.all(loops.stream().map(loop -> onLoop(loop, loop::unshare)).toList())
        .compose(
            v -> {
              ledger.converted();
              return Future.succeededFuture();
            });
  }

  /** Runs a step on a loop; goes on here on the control loop, after all that was told before. */
  private Future<Void> onLoop(RelayLoop loop, Runnable step) {
    Promise<Void> done = Promise.promise();
    loop.call(step).onComplete(result -> control.execute(() -> done.handle(result)));
    return done.future();
  }

  @Override
  public Counters counters() {
    long pipes = loops.stream().mapToLong(loop -> loop.pipes().openCount()).sum();
    long idle = loops.stream().mapToLong(loop -> loop.pipes().idleCount()).sum();
    return new Counters(pipes, idle, watchdog.stalls());
  }

  @Override
  public Future<Void> abandon() {
    watchdog.stop();
    Runnable nothing = () -> {};
    return Future.all(loops.stream().map(loop -> onLoop(loop, loop::abandon)).toList())
        .compose(
            v -> {
              close();
              return Future.all(loops.stream().map(loop -> onLoop(loop, nothing)).toList());
            })
        .mapEmpty();
  }

  @Override
  public void close() {
    watchdog.stop();
    loops.forEach(loop -> loop.execute(loop::close));
    ledger.close();
  }
}

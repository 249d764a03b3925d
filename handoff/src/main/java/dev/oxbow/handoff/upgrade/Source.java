package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Decision.Outcome;
import dev.oxbow.handoff.upgrade.HandoffChannel.BrokenException;
import dev.oxbow.handoff.upgrade.HandoffChannel.Received;
import io.vertx.core.Future;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The predecessor's side of one upgrade: walks the stages, and undoes them in reverse order when
 * one fails, after the successor is dead. Blocks; one thread.
 */
final class Source {
  private static final Logger log = LoggerFactory.getLogger(Source.class);

  /** The name of the cargo with what belongs to the process and to no service. */
  static final String PROCESS = "process";

  static final String DECISION = "decision";

  /** The last message: the predecessor has nothing more to do. */
  static final String LEFT = "left";

  static final String AGAIN = "again";

  private record Step(Stage stage, Runnable action, Runnable undo) {}

  private final Plan plan;
  private final Arrivals arrivals;
  private final Faults faults;
  private final UpgradeLimits limits;
  private final List<Transferable> services;
  private final List<Step> steps;
  private final Map<String, Cargo> cargos = new LinkedHashMap<>();
  private final Map<String, List<Double>> pauses = new LinkedHashMap<>();
  private final Map<String, Double> phases = new LinkedHashMap<>();
  private final List<Supplier<Future<Void>>> toThaw = new ArrayList<>();
  private @Nullable Arrival arrival;
  private @Nullable Terms successor;
  private @Nullable Decision decision;
  private Stage stage = Stage.SPAWN;
  private volatile boolean stopRequested;

  /**
   * @param arrival a successor that came by itself; null to start one
   */
  Source(Plan plan, Arrivals arrivals, @Nullable Arrival arrival, Faults faults) {
    this.plan = plan;
    this.arrivals = arrivals;
    this.arrival = arrival;
    this.faults = faults;
    this.limits = plan.limits();
    this.services = plan.services();
    Runnable nothing = () -> {};
    this.steps =
        List.of(
            new Step(Stage.SPAWN, this::spawn, nothing),
            new Step(Stage.HELLO, this::hello, nothing),
            new Step(Stage.WARM, this::warm, nothing),
            new Step(Stage.FREEZE, this::freeze, this::thaw),
            new Step(Stage.COPY, this::copy, nothing),
            new Step(Stage.SWITCH, this::switchGroups, this::thawGroups),
            new Step(Stage.COMMIT, this::commit, nothing));
  }

  /** Rolls back soon, unless it has committed by then. Any thread. */
  void stop() {
    stopRequested = true;
  }

  /** Does it all; never throws for what the successor does. */
  UpgradeReport run() {
    Deque<Runnable> undo = new ArrayDeque<>();
    String reason = null;
    boolean committed;
    try {
      for (Step step : steps) {
        undo.push(step.undo);
        walk(step);
      }
      committed = true;
    } catch (RuntimeException e) {
      reason = sentence(e);
      log.warn("upgrade failed in stage {}", reason, e);
      committed = !rollBack(undo);
    }
    UpgradeReport report = report(committed, committed ? null : reason);
    if (!committed) {
      close();
    }
    return report;
  }

  /**
   * After a commit, and when all that this process had to do for others is done: lets the successor
   * touch everything. It ends this process if that does not end itself.
   *
   * @param again whether another upgrade was asked for meanwhile, which is the successor's matter
   */
  void leave(boolean again) {
    try {
      MessageWriter last = new MessageWriter().flag(LEFT, true).flag(AGAIN, again);
      channel().send(last, limits.groupDeadlineMs());
    } catch (BrokenException e) {
      log.warn("the successor is gone after it has committed: {}", e.getMessage());
    }
    faults.at(Stage.COMMIT, 2);
  }

  private void walk(Step step) {
    stage = step.stage;
    checkStop();
    long began = System.nanoTime();
    faults.at(stage, 0);
    step.action.run();
    phases.put(stage.wireName(), msSince(began));
  }

  private void checkStop() {
    if (stopRequested) {
      throw new UpgradeException(stage, "this process was told to stop");
    }
  }

  private void spawn() {
    if (arrival == null) {
      arrival =
          arrivals.spawned(plan.launcher(), plan.socket(), limits.deadlineMs(), this::checkStop);
    }
    arrival.channel().use(faults);
  }

  private void hello() {
    Arrival who = Objects.requireNonNull(arrival);
    Map<String, Transferable.Layout> layouts = new LinkedHashMap<>();
    services.forEach(service -> layouts.put(service.name(), service.layout()));
    Terms own = Terms.own(plan.version(), layouts, 0);
    successor = Terms.read(who.hello());
    long descriptors =
        services.stream()
            .mapToLong(service -> await(service.descriptors(), limits.deadlineMs()))
            .sum();
    String objection = own.objection(successor, descriptors);
    if (objection == null && !who.peer().canBeSignalled()) {
      objection = who.peer() + " of uid " + who.peer().uid() + " cannot be signalled";
    }
    if (objection != null) {
      who.channel().send(new MessageWriter().string("refused", objection), limits.deadlineMs());
      throw new UpgradeException(stage, objection);
    }
    try (Descriptor self = Peer.self()) {
      MessageWriter hello = own.write(new MessageWriter()).strings("fds", List.of("pidfd"));
      who.channel().send(hello, List.of(self), limits.deadlineMs());
    }
  }

  private void warm() {
    receive("warm", limits.deadlineMs());
    arrivals.hurry();
  }

  private void freeze() {
    for (Transferable service : services) {
      Future<Cargo> frozen = service.freeze();
      try {
        cargos.put(service.name(), await(frozen, limits.copyDeadlineMs()));
      } catch (UpgradeException e) {
        frozen.onSuccess(Cargo::close);
        throw e;
      }
    }
  }

  private void thaw() {
    List<Future<Void>> all = services.stream().map(Transferable::thaw).toList();
    all.forEach(one -> undo(() -> await(one, limits.deadlineMs())));
  }

  private void copy() {
    decision = Decision.open();
    Cargo process = plan.processCargo().get().lend(DECISION, decision.descriptor());
    Map<String, Cargo> all = new LinkedHashMap<>(Map.of(PROCESS, process));
    all.putAll(cargos);
    int batch = 0;
    MessageWriter copied = new MessageWriter().object("copied");
    for (Map.Entry<String, Cargo> cargo : all.entrySet()) {
      List<String> names = List.copyOf(cargo.getValue().names());
      for (int from = 0; from < names.size(); from += PacketBuffer.MAX_DESCRIPTORS) {
        checkStop();
        faults.at(stage, ++batch);
        int to = Math.min(names.size(), from + PacketBuffer.MAX_DESCRIPTORS);
        copy(cargo.getKey(), cargo.getValue(), names.subList(from, to));
      }
      copied.number(cargo.getKey(), names.size());
    }
    channel().send(copied.end(), limits.copyDeadlineMs());
    receive("ready", limits.copyDeadlineMs());
  }

  /** One batch at a time is in flight: the kernel bounds how many may be (unix(7)). */
  private void copy(String name, Cargo cargo, List<String> names) {
    List<Descriptor> descriptors = names.stream().map(cargo::get).toList();
    MessageWriter message = new MessageWriter().string("copy", name).strings("fds", names);
    channel().send(message, descriptors, limits.copyDeadlineMs());
    receive("copied", limits.copyDeadlineMs());
  }

  private void switchGroups() {
    int step = 0;
    for (Transferable service : services) {
      for (int group = 0; group < service.groups(); group++) {
        checkStop();
        long began = System.nanoTime();
        int which = group;
        toThaw.add(() -> service.thaw(which));
        await(service.freeze(group), limits.groupDeadlineMs());
        int flows = service.flows(group);
        faults.at(stage, ++step);
        MessageWriter message =
            new MessageWriter().string("switch", service.name()).number("group", group);
        channel().send(message, limits.groupDeadlineMs());
        receive("switched", limits.groupDeadlineMs());
        double ms = msSince(began);
        List<Double> all = pauses.computeIfAbsent(service.name(), n -> new ArrayList<>());
        for (int i = 0; i < flows; i++) {
          all.add(ms);
        }
      }
    }
  }

  private void thawGroups() {
    List<Future<Void>> all = toThaw.stream().map(Supplier::get).toList();
    all.forEach(one -> undo(() -> await(one, limits.deadlineMs())));
  }

  private void commit() {
    channel().send(new MessageWriter().flag("commit", true), limits.groupDeadlineMs());
    faults.at(stage, 1);
    receive("committed", limits.graceMs());
  }

  /**
   * Goes on alone, after the successor is dead.
   *
   * @return false when the successor has committed before, and lives
   */
  private boolean rollBack(Deque<Runnable> undo) {
    if (decision != null && !decision.decide(Outcome.ROLLED_BACK) && !overruledInVain()) {
      return false;
    }
    if (arrival != null) {
      Survivor.remain(Side.PREDECESSOR, arrival.peer(), decision, limits, faults);
    }
    undo.forEach(this::undo);
    return true;
  }

  /** One that fails must not keep the others from going on. */
  private void undo(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      log.error("not all of this process goes on after the upgrade", e);
    }
  }

  /** The successor has committed; true when it then died or hangs, so that this process goes on. */
  private boolean overruledInVain() {
    try {
      receive("committed", limits.graceMs());
      return false;
    } catch (BrokenException | UpgradeException e) {
      log.warn("the successor has committed and does not say so: {}", e.getMessage());
      // If it is well it ends this process at once; after that time it is not.
      arrival().peer().endsWithin(limits.graceMs());
      return true;
    }
  }

  private Message receive(String expected, int timeoutMs) {
    Received received = channel().receive(timeoutMs);
    Descriptor.closeAll(received.descriptors());
    Message message = received.message();
    if (message.has("refused")) {
      throw new UpgradeException(stage, message.string("refused"));
    }
    if (!message.has(expected)) {
      throw new UpgradeException(stage, "expected " + expected + " and got " + message);
    }
    return message;
  }

  private <T> T await(Future<T> future, int timeoutMs) {
    try {
      return future.toCompletionStage().toCompletableFuture().get(timeoutMs, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new UpgradeException(stage, "this process took more than " + timeoutMs + " ms", e);
    } catch (ExecutionException e) {
      throw new UpgradeException(stage, "this process: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpgradeException(stage, "this process was interrupted", e);
    }
  }

  private Arrival arrival() {
    return Objects.requireNonNull(arrival);
  }

  private HandoffChannel channel() {
    return arrival().channel();
  }

  private String sentence(RuntimeException e) {
    if (e instanceof UpgradeException) {
      return String.valueOf(e.getMessage());
    }
    String who = e instanceof BrokenException ? "the successor " : "";
    String how = arrival == null ? "" : arrivals.exitOf(arrival.peer().pid());
    return stage.wireName() + ": " + who + e.getMessage() + how;
  }

  private UpgradeReport report(boolean committed, @Nullable String reason) {
    Map<String, UpgradeReport.ServiceReport> reports = new LinkedHashMap<>();
    for (Transferable service : services) {
      Cargo cargo = cargos.get(service.name());
      double[] sorted =
          pauses.getOrDefault(service.name(), List.of()).stream()
              .mapToDouble(Double::doubleValue)
              .sorted()
              .toArray();
      int descriptors = cargo == null ? 0 : cargo.names().size();
      reports.put(
          service.name(), new UpgradeReport.ServiceReport(service.counts(), descriptors, sorted));
    }
    Terms to = successor;
    long self = ProcessHandle.current().pid();
    return new UpgradeReport(
        committed,
        reason,
        new UpgradeReport.Party(self, plan.version()),
        to == null ? null : new UpgradeReport.Party(to.pid(), to.version()),
        reports,
        phases);
  }

  private void close() {
    if (arrival != null) {
      arrival.close();
    }
    cargos.values().forEach(Cargo::close);
    if (decision != null) {
      decision.close();
    }
  }

  private static double msSince(long nanos) {
    return (System.nanoTime() - nanos) / 1e6;
  }
}

package dev.oxbow.handoff.upgrade;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.handoff.cargo.Transferable;
import dev.oxbow.handoff.upgrade.Decision.Outcome;
import dev.oxbow.handoff.upgrade.HandoffChannel.BrokenException;
import dev.oxbow.handoff.upgrade.HandoffChannel.Received;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The successor's side of one upgrade. Until it holds everything it gives up when the predecessor
 * dies; from then on it goes on alone. Blocks; one thread.
 */
public final class Target implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Target.class);
  private static final int LEAVE_MS = 1_000;

  private final HandoffChannel channel;
  private @Nullable Peer predecessor;
  private final UpgradeLimits limits;
  private final Faults faults;
  private Stage stage = Stage.HELLO;
  private @Nullable Terms terms;
  private @Nullable Decision decision;
  private @Nullable String incident;
  private boolean committed;
  private boolean again;

  private Target(HandoffChannel channel, UpgradeLimits limits, Faults faults) {
    this.channel = channel;
    this.limits = limits;
    this.faults = faults;
    channel.use(faults);
  }

  /**
   * Connects to the process that is to be replaced.
   *
   * @param socket its hand-over socket
   * @throws UpgradeException when nobody is there
   */
  public static Target connect(Path socket, UpgradeLimits limits) {
    try {
      Faults faults = Faults.parse(System.getenv(Faults.VARIABLE), Side.SUCCESSOR);
      faults.at(Stage.SPAWN, 0);
      return new Target(new HandoffChannel(UnixSockets.connect(socket)), limits, faults);
    } catch (IOException e) {
      throw new UpgradeException(Stage.HELLO, "nobody to take over from: " + e.getMessage(), e);
    }
  }

  /**
   * Introduces this process, lets it make itself ready, and receives everything.
   *
   * @param version of the program
   * @param services what this process can serve, with the layouts that it reads
   * @param descriptorsFree how many more it can take
   * @param warm makes ready what must be quick later
   * @return the cargo of each service, and that of the process under {@code process}
   * @throws UpgradeException when it is refused or the predecessor is gone
   */
  public Map<String, Cargo> receive(
      String version,
      Map<String, Transferable.Layout> services,
      long descriptorsFree,
      Runnable warm) {
    Map<String, Cargo> cargos = new LinkedHashMap<>();
    try {
      faults.at(stage, 0);
      Terms own = Terms.own(version, services, descriptorsFree);
      channel.send(own.write(new MessageWriter().flag("take-over", true)), limits.deadlineMs());
      meet(next(limits.deadlineMs()));
      stage = Stage.WARM;
      faults.at(stage, 0);
      warm.run();
      channel.send(new MessageWriter().flag("warm", true), limits.deadlineMs());
      stage = Stage.FREEZE;
      faults.at(stage, 0);
      copy(cargos);
      Cargo process = cargos.get(Source.PROCESS);
      if (process == null) {
        throw new UpgradeException(stage, "nothing came for the process itself");
      }
      decision = Decision.adopt(process.take(Source.DECISION));
      return cargos;
    } catch (BrokenException | RequestException | IllegalArgumentException e) {
      cargos.values().forEach(Cargo::close);
      throw new UpgradeException(stage, "the predecessor: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      cargos.values().forEach(Cargo::close);
      throw e;
    }
  }

  private void meet(Received hello) {
    if (hello.descriptors().size() != 1) {
      Descriptor.closeAll(hello.descriptors());
      throw new UpgradeException(stage, "the predecessor has no pidfd with its hello");
    }
    Descriptor pidfd = hello.descriptors().get(0);
    Peer peer = Peer.of(hello.message().integer("pid", 1, Integer.MAX_VALUE), pidfd);
    predecessor = peer;
    terms = Terms.read(hello.message());
    if (!peer.canBeSignalled()) {
      throw new UpgradeException(stage, peer + " cannot be signalled by this one");
    }
  }

  private void copy(Map<String, Cargo> cargos) {
    int batch = 0;
    while (true) {
      Received received = next(limits.deadlineMs());
      Message message = received.message();
      stage = Stage.COPY;
      if (message.isObject("copied")) {
        Message counts = Objects.requireNonNull(message.object("copied"));
        for (String name : counts.names()) {
          Cargo cargo = cargos.computeIfAbsent(name, n -> new Cargo());
          counts.integer(name, cargo.names().size(), cargo.names().size());
        }
        return;
      }
      Cargo cargo = cargos.computeIfAbsent(message.string("copy"), n -> new Cargo());
      List<String> names = message.strings("fds");
      for (int i = 0; i < names.size(); i++) {
        cargo.give(names.get(i), received.descriptors().get(i));
      }
      faults.at(stage, ++batch);
      channel.send(new MessageWriter().flag("copied", true), limits.copyDeadlineMs());
    }
  }

  /** The next message, unless it is a refusal. */
  private Received next(int timeoutMs) {
    Received received = channel.receive(timeoutMs);
    if (received.message().has("refused")) {
      Descriptor.closeAll(received.descriptors());
      throw new UpgradeException(stage, "refused: " + received.message().string("refused"));
    }
    return received;
  }

  /**
   * Takes group after group, and commits. When it comes back, this process alone serves.
   *
   * @param services made from the cargos, all of their groups frozen
   * @return what the predecessor could not report because it died; null when it did not
   * @throws UpgradeException when the predecessor goes on: this process must end at once, without
   *     touching anything that it was given
   */
  public @Nullable UpgradeReport takeOver(List<Transferable> services) {
    boolean[][] thawed =
        services.stream().map(s -> new boolean[s.groups()]).toArray(boolean[][]::new);
    try {
      channel.send(new MessageWriter().flag("ready", true), limits.copyDeadlineMs());
      stage = Stage.SWITCH;
      faults.at(stage, 0);
      followTo(services, thawed);
    } catch (BrokenException | RequestException e) {
      goOnAlone(e.getMessage());
    }
    committed = true;
    thawRest(services, thawed);
    services.forEach(service -> goOn(service.thaw()));
    return incident == null ? null : report(services);
  }

  /** Does what the predecessor says, until both have decided. */
  private void followTo(List<Transferable> services, boolean[][] thawed) {
    int step = 0;
    for (int which = 0; which < thawed.length; which++) {
      for (int group = 0; group < thawed[which].length; group++) {
        Message message = expect("switch");
        Transferable service = services.get(which);
        // A message that was damaged must not make two processes work on one group.
        if (!service.name().equals(message.string("switch", ""))
            || !message.has("group")
            || message.integer("group", 0, Integer.MAX_VALUE) != group) {
          throw new BrokenException("expected " + service.name() + " " + group, false);
        }
        faults.at(stage, ++step);
        thawed[which][group] = true;
        await(service.thaw(group));
        channel.send(new MessageWriter().flag("switched", true), limits.groupDeadlineMs());
      }
    }
    expect("commit");
    stage = Stage.COMMIT;
    faults.at(stage, 0);
    commit();
  }

  private Message expect(String what) {
    Message message = next(limits.silenceMs()).message();
    if (!message.has(what)) {
      throw new BrokenException("expected " + what + " and got " + message, false);
    }
    return message;
  }

  /** Decides, says so, and waits until the predecessor has left: it might still go on. */
  private void commit() {
    if (!decision().decide(Outcome.COMMITTED)) {
      throw new BrokenException("it has rolled back", false);
    }
    faults.at(stage, 1);
    channel.send(new MessageWriter().flag("committed", true), limits.groupDeadlineMs());
    Message last = channel.receive(limits.graceMs()).message();
    if (!last.has(Source.LEFT)) {
      throw new BrokenException("expected " + Source.LEFT + " and got " + last, false);
    }
    again = last.flag(Source.AGAIN, false);
  }

  /** Ends the predecessor, or learns that it goes on itself and is about to end this process. */
  private void goOnAlone(@Nullable String why) {
    log.warn("predecessor lost in stage {}: {}", stage.wireName(), why);
    boolean ours = decision().decide(Outcome.COMMITTED);
    if (!ours && !predecessor().endsWithin(limits.graceMs())) {
      log.warn("it has rolled back, and then done nothing for {} ms", limits.graceMs());
    }
    Survivor.remain(Side.SUCCESSOR, predecessor(), decision(), limits, faults);
    incident = "the predecessor was lost in stage " + stage.wireName() + ": " + why;
  }

  private void thawRest(List<Transferable> services, boolean[][] thawed) {
    for (int i = 0; i < thawed.length; i++) {
      for (int group = 0; group < thawed[i].length; group++) {
        if (!thawed[i][group]) {
          goOn(services.get(i).thaw(group));
        }
      }
    }
  }

  private Peer predecessor() {
    return Objects.requireNonNull(predecessor);
  }

  private Decision decision() {
    return Objects.requireNonNull(decision);
  }

  /** Nobody else is left: what fails here must not end what goes on. */
  private void goOn(Future<Void> step) {
    try {
      await(step);
    } catch (UpgradeException e) {
      log.error("not all of this process goes on after the upgrade", e);
      incident = e.getMessage();
    }
  }

  private void await(Future<Void> future) {
    try {
      future
          .toCompletionStage()
          .toCompletableFuture()
          .get(limits.deadlineMs(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new UpgradeException(
          stage, "this process took more than " + limits.deadlineMs() + " ms", e);
    } catch (ExecutionException e) {
      throw new UpgradeException(stage, "this process: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UpgradeException(stage, "this process was interrupted", e);
    }
  }

  private UpgradeReport report(List<Transferable> services) {
    Map<String, UpgradeReport.ServiceReport> reports = new LinkedHashMap<>();
    for (Transferable service : services) {
      reports.put(
          service.name(), new UpgradeReport.ServiceReport(service.counts(), 0, new double[0]));
    }
    String version = terms == null ? "" : terms.version();
    long self = ProcessHandle.current().pid();
    return new UpgradeReport(
        true,
        incident,
        new UpgradeReport.Party(predecessor().pid(), version),
        new UpgradeReport.Party(self, version),
        reports,
        Map.of());
  }

  /** Whether the predecessor was asked for another upgrade while this one ran. */
  public boolean again() {
    return again;
  }

  /**
   * Forgets the predecessor. After a take-over it waits until that has ended, and ends it if that
   * takes more than a second: it must not be there any more.
   */
  @Override
  public void close() {
    channel.close();
    if (predecessor != null) {
      if (committed && !predecessor.endsWithin(LEAVE_MS)) {
        log.warn("{} has handed over and does not end: it is killed", predecessor);
        predecessor.kill();
      }
      predecessor.close();
    }
    if (decision != null) {
      decision.close();
    }
  }
}

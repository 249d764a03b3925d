package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.ServiceSource;
import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.EgressRequest;
import dev.oxbow.fish.EgressSession;
import dev.oxbow.fish.Exhaustion;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.FishException;
import dev.oxbow.fish.SessionPage;
import dev.oxbow.fish.SessionReport;
import dev.oxbow.service.runtime.StartException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What of a gateway's packets leaves by a Fish: a session for each tun that has a slice. */
final class Sessions {
  private static final Logger log = LoggerFactory.getLogger(Sessions.class);

  /** Between two requests; so much longer a client may wait when a partner is lost. */
  private static final long AGAIN_MS = 50;

  private final List<TunOptions> tuns;
  private final String app;
  private final Runnable lost;
  private CountDownLatch stop = new CountDownLatch(1);
  private volatile boolean stopping;

  /**
   * @param tuns of the gateway; those without a slice are none of this
   * @param app whose they are
   * @param lost called when a tun is gone while nobody stops; any thread
   */
  Sessions(List<TunOptions> tuns, String app, Runnable lost) {
    this.tuns = tuns.stream().filter(tun -> !tun.egress().isEmpty()).toList();
    this.app = app;
    this.lost = lost;
  }

  /** A start that waits ends when this is counted down. */
  void stoppedBy(CountDownLatch latch) {
    stop = latch;
  }

  /** Whether there are none. */
  boolean isEmpty() {
    return tuns.isEmpty();
  }

  /** All slices, each once. */
  List<Grant> grants() {
    return tuns.stream()
        .flatMap(tun -> tun.egress().stream())
        .map(Slice::grant)
        .distinct()
        .toList();
  }

  /**
   * Opens a session for each tun, but for those that an earlier life of this app has opened.
   * Blocks, and waits as long as the partner of the Fish may have a session of that name: packets
   * wait in the tun meanwhile.
   *
   * @throws StartException naming the tun that cannot be used
   */
  void open(Fish fish) throws TimeoutException, InterruptedException {
    Set<String> there =
        ServiceSource.await(SessionPage.all(fish)).stream()
            .filter(session -> Gateway.isOf(app, session.metadata()))
            .map(session -> Gateway.label(session.metadata()))
            .collect(Collectors.toSet());
    List<Waiting> waiting = new ArrayList<>();
    try {
      for (TunOptions tun : tuns) {
        Descriptor flow = TunDevice.openEgress(tun);
        if (flow != null) {
          waiting.add(new Waiting(tun, flow));
        } else if (there.contains(tun.label())) {
          log.info("{}: goes on, as an earlier gateway has opened it", tun.label());
        } else {
          throw new StartException(
              "Cannot use the tun " + tun.egressName() + ": another process or app uses it.");
        }
      }
      while (!openAll(fish, waiting) && !stop.await(AGAIN_MS, TimeUnit.MILLISECONDS)) {}
    } finally {
      waiting.forEach(each -> each.flow.close());
    }
  }

  /** Opens those that may be opened now, which leave the list; whether that were all. */
  private boolean openAll(Fish fish, List<Waiting> waiting) throws TimeoutException {
    for (Iterator<Waiting> each = waiting.iterator(); each.hasNext(); ) {
      Waiting next = each.next();
      if (open(fish, next)) {
        each.remove();
      }
    }
    return waiting.isEmpty();
  }

  /** Whether the Fish has the flow now; it does not as long as its partner may have the session. */
  private boolean open(Fish fish, Waiting waiting) throws TimeoutException {
    TunOptions tun = waiting.tun;
    List<Grant> slices = tun.egress().stream().map(Slice::grant).toList();
    EgressRequest request =
        new EgressRequest(waiting.flow, slices)
            .setMtu(tun.mtu())
            .setResume(tun.resume())
            .setMetadata(Gateway.metadata(app, tun.label()));
    EgressSession session;
    try {
      session = ServiceSource.await(fish.egress(request));
    } catch (FishException e) {
      if (e.code() == ErrorCode.UNAVAILABLE && !e.outcomeOpen()) {
        waiting.say(String.valueOf(e.getMessage()));
        return false;
      }
      throw refused(tun, e);
    } catch (RuntimeException e) {
      throw refused(tun, e);
    }
    session.closed().onSuccess(this::closed);
    log.info(
        "{}: carries {} from {}, {} connections go on",
        tun.label(),
        tun.egressTcp() ? "everything" : "what is not TCP",
        slices.stream()
            .map(slice -> slice.address() + " " + slice.ports())
            .collect(Collectors.joining(", ")),
        session.resumed());
    return true;
  }

  private static StartException refused(TunOptions tun, RuntimeException e) {
    return new StartException(tun.label() + ": " + e.getMessage() + ".", e);
  }

  /** A tun whose packets nobody takes yet. */
  private static final class Waiting {
    private final TunOptions tun;
    private final Descriptor flow;
    private String told = "";

    private Waiting(TunOptions tun, Descriptor flow) {
      this.tun = tun;
      this.flow = flow;
    }

    private void say(String why) {
      if (!why.equals(told)) {
        log.info("{}: waits: {}", tun.label(), why);
        told = why;
      }
    }
  }

  /** Says that a client could not get out. */
  void exhausted(Exhaustion full) {
    log.warn(
        "no port of {} {} is left toward {}", full.address(), full.ports(), full.destination());
  }

  /** From here on sessions may end. */
  void stop() {
    stopping = true;
  }

  /** One has ended. Its tun goes with the last descriptor. */
  void closed(SessionReport report) {
    try (report) {
      String label = Gateway.label(report.metadata());
      log.info(
          "{}: closed: {}, {} packets in, {} out, dropped {}",
          label,
          report.reason().wireName(),
          report.packets().in(),
          report.packets().out(),
          report.packets().dropped());
      if (!stopping) {
        log.error("{}: the tun is gone", label);
        lost.run();
      }
    }
  }
}

package dev.oxbow.pair;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.PartnerLink;
import dev.oxbow.fish.partner.SharedPorts;
import dev.oxbow.pair.link.Introduction;
import dev.oxbow.pair.link.Link;
import dev.oxbow.pair.loan.Blocks;
import dev.oxbow.pair.loan.Home;
import dev.oxbow.pair.loan.LoanCodec;
import dev.oxbow.pair.loan.LoanMessage;
import dev.oxbow.pair.loan.LoanNode;
import dev.oxbow.pair.loan.LoanTimes;
import dev.oxbow.pair.loan.LocalPorts;
import dev.oxbow.pair.loan.Outlet;
import io.vertx.core.Future;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The protocol of loans on the loop of a Fish: on the thread that gives out ports, so that a block
 * that is seen to be unused is so when it is lent. Only the link has a thread of its own. Loop
 * thread only.
 */
final class LoanPartner implements Partner, LocalPorts {
  private static final Logger log = LoggerFactory.getLogger(LoanPartner.class);
  private static final long MILLI = 1_000_000;
  private static final int MOST_RETRY_MS = 1_000;
  private static final int DRIFT_PPM = LoanTimes.DEFAULT.driftPpm();

  private final PairOptions options;
  private final SharedPorts ports;
  private final DescriptorLoop loop;
  private final LoanMemory memory;
  private final Link link;
  private final Blocks blocks;
  private final LoanTimes times;
  private final RandomGenerator random = new SplittableRandom(new SecureRandom().nextLong());

  /** Null while frozen. */
  private @Nullable LoanNode node;

  private boolean begun;

  /** Of these addresses it has been noted since the last tick that a connection found no port. */
  private final BitSet shortOf = new BitSet();

  private boolean closed;
  private long shortages;

  /**
   * A partner that is frozen.
   *
   * @param memory owned from here on
   * @param link owned from here on, and not started
   */
  LoanPartner(
      PairOptions options, SharedPorts ports, DescriptorLoop loop, LoanMemory memory, Link link) {
    this.options = options;
    this.ports = ports;
    this.loop = loop;
    this.memory = memory;
    this.link = link;
    this.blocks = blocks(ports);
    this.times =
        new LoanTimes(
            options.getLoanMs(),
            options.getLoanMs() / 4,
            options.getQuarantineMs(),
            Math.min(MOST_RETRY_MS, options.getLoanMs() / 8),
            DRIFT_PPM);
    link.listen(PartnerLink.Kind.LOANS, new Ear());
  }

  /** With the numbers that Fish has. */
  private static Blocks blocks(SharedPorts ports) {
    List<Blocks.Range> ranges = new ArrayList<>();
    for (int block = 0; block < ports.count(); block++) {
      int first = ports.index(block) * Blocks.BLOCK_PORTS;
      ranges.add(
          new Blocks.Range(
              ports.high(block),
              ports.low(block),
              Math.max(1, first),
              first + Blocks.BLOCK_PORTS - 1));
    }
    return Blocks.of(ranges);
  }

  /** Loans know that a message may be lost. */
  private final class Way implements Outlet {
    @Override
    public void accept(LoanMessage message) {
      if (!link.send(PartnerLink.Kind.LOANS, LoanCodec.encode(message))) {
        log.debug("not sent: {}", message);
      }
    }

    @Override
    public boolean isDown() {
      return !link.isUp();
    }
  }

  /** Hears of the partner's messages. */
  private final class Ear implements PartnerLink.Listener {
    @Override
    public void up() {
      loop.tryExecute(LoanPartner.this::tick);
    }

    /** Loans know that messages may be lost. */
    @Override
    public void down() {}

    /** Loans end by time only: who is held for dead may be alive. */
    @Override
    public void gone() {}

    @Override
    public void received(byte[] bytes) {
      LoanMessage message = LoanCodec.decode(bytes);
      loop.tryExecute(() -> handle(message));
    }
  }

  @Override
  public void thaw() {
    LoanNode made =
        new LoanNode(
            blocks,
            options.getHome().equals(PairOptions.FIRST) ? Home.FIRST : Home.SECOND,
            times,
            memory.records(),
            this,
            random,
            new Way());
    boolean inOrder = memory.takeEndedInOrder();
    boolean remembered = begun || inOrder || ports.remembered();
    begun = true;
    node = made;
    boolean loans = made.start(nowMs(), remembered);
    log.info(
        "blocks of ports: {} of {} are this node's; loans are {}",
        made.own(),
        blocks.count(),
        loans ? "remembered" : "not remembered");
    publish(made);
    link.start();
  }

  @Override
  public void freeze() {
    node = null;
  }

  @Override
  public void tick() {
    LoanNode on = node;
    if (on != null) {
      shortOf.clear();
      on.tick(nowMs());
      publish(on);
    }
  }

  private void handle(LoanMessage message) {
    LoanNode on = node;
    if (on != null) {
      on.handle(message, nowMs());
      publish(on);
    }
  }

  /** Once between two ticks is enough, and packets come thick then. */
  @Override
  public void ranShort(long high, long low) {
    LoanNode on = node;
    shortages++;
    int address = blocks.address(high, low);
    if (on != null && address >= 0 && !shortOf.get(address)) {
      shortOf.set(address);
      on.need(address, nowMs());
    }
  }

  private long nowMs() {
    return ports.nowNanos() / MILLI;
  }

  /** Tells Fish what it may use until when, of what has changed. */
  private void publish(LoanNode on) {
    long now = nowMs();
    on.tellChanged(
        block ->
            ports.allow(
                block,
                on.isOwn(block),
                nanos(on.grantUntilMs(block, now)),
                nanos(on.useUntilMs(block, now))));
  }

  private static long nanos(long ms) {
    return ms == LoanNode.FOREVER ? SharedPorts.FOREVER : ms * MILLI;
  }

  @Override
  public boolean unused(int block) {
    return ports.unused(block);
  }

  @Override
  public boolean began(int block) {
    return ports.began(block);
  }

  @Override
  public void end(int block) {
    ports.end(block);
  }

  @Override
  public PartnerLink link() {
    return link;
  }

  @Override
  public void stats(MessageWriter out) {
    Introduction partner = link.partner();
    out.flag("connected", link.isUp())
        .string("name", options.getName())
        .string("home", options.getHome())
        .string("partner", partner == null ? null : partner.name())
        .string("refused", link.isUp() ? null : link.refused())
        .number("lagMicros", link.lagNanos() / 1_000)
        .number("underWayBytes", link.underWayBytes())
        .number("shortages", shortages);
    LoanNode on = node;
    out.object("blocks");
    if (on != null) {
      out.number("own", on.own())
          .number("lent", on.lent())
          .number("unknown", on.unknown())
          .number("borrowed", on.borrowed());
    }
    out.end();
  }

  @Override
  public Future<Void> close(boolean inOrder) {
    freeze();
    if (closed) {
      return Future.succeededFuture();
    }
    closed = true;
    if (inOrder) {
      memory.noteEndedInOrder();
    }
    memory.close();
    return Future.fromCompletionStage(link.close());
  }
}

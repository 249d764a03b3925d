package dev.oxbow.pair.loan;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * One history of a pair: everything in it follows from its seed. A minute and a half of faults,
 * then the network heals and nobody has connections any more.
 *
 * <p>It fails when a five-tuple is used by both nodes, or does not rest between the last packet of
 * one and the first of the other; and, after the healing, when a lent block does not come back, or
 * a node that is short gets no loan.
 */
final class History {
  static final Blocks BLOCKS =
      Blocks.of(
          List.of(
              new Blocks.Range(0, 7, 64, 64 * 7 - 1), new Blocks.Range(1, 7, 64 * 6, 64 * 12 - 1)));
  static final LoanTimes TIMES = new LoanTimes(10_000, 2_000, 8_000, 500, 100_000);

  /** Of the second node. */
  static final LoanTimes SHORTER = new LoanTimes(8_000, 2_000, 8_000, 500, 100_000);

  /** Between looking at the clock and the packet's leaving: less than the quarantine. */
  private static final int HESITATION_MS = 2_000;

  /** Clocks show whole milliseconds. */
  private static final int ROUNDING_MS = 2;

  private static final long FAULTS_MS = 90_000;
  private static final long PARTITION_MS = 20_000;

  /** Longer than a loan and its rest. */
  private static final int LATEST_MS = 20_000;

  private final long seed;
  private final SplittableRandom random;
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final Tally tally = new Tally();
  private final List<SimulatedNode> nodes;
  private final List<String> trace = new ArrayList<>();
  private final boolean tracing;
  private final Use[] lastUse = new Use[BLOCKS.count() * SimulatedNode.TUPLES];

  /** Messages from each node are held up until then. */
  private final long[] cutUntilMs = new long[2];

  private final double loss;
  private final double doubling;
  private final double lateness;
  private long nowMs;
  private long sequence;
  private boolean healed;

  private record Use(SimulatedNode node, long decidedMs) {}

  private record Event(long atMs, long sequence, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int order = Long.compare(atMs, other.atMs);
      return order != 0 ? order : Long.compare(sequence, other.sequence);
    }
  }

  /** What happened how often, so that it can be seen that it does. */
  static final class Tally {
    long opened;
    long openedOnLoan;
    long lent;
    long returned;
    long held;
    long cutOff;
    long forgot;
    long remembered;

    void add(Tally other) {
      opened += other.opened;
      openedOnLoan += other.openedOnLoan;
      lent += other.lent;
      returned += other.returned;
      held += other.held;
      cutOff += other.cutOff;
      forgot += other.forgot;
      remembered += other.remembered;
    }

    @Override
    public String toString() {
      return String.format(
          "%d connections, %d on loan, %d of them cut off; %d loans and renewals, %d times given"
              + " back, %d inventories; %d starts without memory, %d with",
          opened, openedOnLoan, cutOff, lent, returned, held, forgot, remembered);
    }
  }

  /** A rule is broken. */
  static final class Violation extends AssertionError {
    private static final long serialVersionUID = 1;

    Violation(String message) {
      super(message);
    }
  }

  private History(long seed, Breach breach, boolean tracing) {
    this.seed = seed;
    this.random = new SplittableRandom(seed);
    this.tracing = tracing;
    this.loss = random.nextInt(3) * 0.15;
    this.doubling = random.nextInt(3) * 0.15;
    this.lateness = random.nextInt(4) * 0.1;
    Home other = breach == Breach.TWO_FIRST_NODES ? Home.FIRST : Home.SECOND;
    this.nodes = new ArrayList<>();
    nodes.add(new SimulatedNode(this, "A", Home.FIRST, breach, random.split()));
    nodes.add(new SimulatedNode(this, "B", other, breach, random.split()));
  }

  /**
   * Runs the history of a seed.
   *
   * @throws Violation saying what was broken, with the seed and the last events
   */
  static Tally run(long seed, Breach breach) {
    try {
      return new History(seed, breach, false).run();
    } catch (Violation e) {
      History again = new History(seed, breach, true);
      try {
        again.run();
      } catch (Violation same) {
        List<String> end =
            again.trace.subList(Math.max(0, again.trace.size() - 60), again.trace.size());
        throw new Violation(
            String.format(
                "%s%nrepeat it with -Doxbow.seed=%d; what came before:%n%s",
                same.getMessage(), seed, String.join(System.lineSeparator(), end)));
      }
      throw new Violation(e.getMessage() + "; seed " + seed + ", which did not repeat it");
    }
  }

  private Tally run() {
    for (SimulatedNode node : nodes) {
      node.begin();
      every(250, node::tick);
      every(200, node::work);
      every(5_000, node::drift);
    }
    plan();
    runUntil(FAULTS_MS);
    heal();
    return tally;
  }

  /** Faults, some of each kind, at any time. */
  private void plan() {
    for (int i = random.nextInt(6); i > 0; i--) {
      at(random.nextLong(FAULTS_MS), this::cut);
    }
    for (SimulatedNode node : nodes) {
      for (int i = random.nextInt(4); i > 0; i--) {
        long atMs = random.nextLong(FAULTS_MS);
        at(atMs, node::die);
        at(atMs + downMs(), node::comeBack);
      }
      for (int i = random.nextInt(3); i > 0; i--) {
        long atMs = random.nextLong(FAULTS_MS);
        at(atMs, node::stop);
        at(atMs + downMs(), node::proceed);
      }
      for (int i = random.nextInt(3); i > 0; i--) {
        at(random.nextLong(FAULTS_MS), node::upgrade);
      }
    }
  }

  private int downMs() {
    return random.nextInt(random.nextBoolean() ? 2_000 : 40_000);
  }

  /** Cuts one direction or both for a while. */
  private void cut() {
    long untilMs = nowMs + random.nextLong(PARTITION_MS);
    int which = random.nextInt(3);
    trace("network", "is cut", which == 2 ? "both ways" : "from " + nodes.get(which).name());
    for (int from = 0; from < 2; from++) {
      if (which == from || which == 2) {
        cutUntilMs[from] = Math.max(cutUntilMs[from], untilMs);
      }
    }
  }

  /** Takes a message of a node's and brings it to the other some day, or never, or twice. */
  void send(SimulatedNode from, LoanMessage message) {
    trace(from.name(), "says", message);
    int sender = nodes.indexOf(from);
    SimulatedNode to = nodes.get(1 - sender);
    byte[] bytes = LoanCodec.encode(message);
    int copies = healed || random.nextDouble() >= doubling ? 1 : 2;
    for (int i = 0; i < copies; i++) {
      boolean isCut = nowMs < cutUntilMs[sender];
      if (!healed && (random.nextDouble() < loss || (isCut && random.nextBoolean()))) {
        continue;
      }
      // A link that keeps what it could not send brings it when it is whole again.
      long beginsMs = isCut && !healed ? cutUntilMs[sender] : nowMs;
      at(beginsMs + delayMs(), () -> to.receive(LoanCodec.decode(bytes)));
    }
  }

  private int delayMs() {
    if (healed || random.nextDouble() >= lateness) {
      return 1 + random.nextInt(40);
    }
    return random.nextInt(random.nextInt(3) == 0 ? LATEST_MS : 3_000);
  }

  /** A connection begins. */
  void opened(SimulatedNode node, int tuple) {
    trace(node.name(), "opens", tuple);
    for (SimulatedNode other : nodes) {
      if (other != node && other.isRunning() && other.lives(tuple)) {
        throw new Violation(
            String.format("%s opens %d, which lives at %s", node.name(), tuple, other.name()));
      }
    }
  }

  /** A packet is decided upon; it leaves now or a little later. */
  void packet(SimulatedNode node, int tuple) {
    Use use = new Use(node, nowMs);
    if (random.nextInt(20) == 0) {
      at(nowMs + random.nextInt(HESITATION_MS), () -> leaves(use, tuple));
    } else {
      leaves(use, tuple);
    }
  }

  private void leaves(Use use, int tuple) {
    Use last = lastUse[tuple];
    if (last != null && last.node != use.node) {
      long restMs = nowMs - last.decidedMs;
      if (restMs < TIMES.quarantineMs() - ROUNDING_MS) {
        throw new Violation(
            String.format(
                "at %d ms %s sends from five-tuple %d, %d ms after %s",
                nowMs, use.node.name(), tuple, restMs, last.node.name()));
      }
    }
    lastUse[tuple] = use;
  }

  /** All faults are over. What was under way still arrives. */
  private void heal() {
    trace("network", "heals", "");
    healed = true;
    for (SimulatedNode node : nodes) {
      node.comeBack();
      node.proceed();
      node.endAll();
    }
    long loanMs = TIMES.awayMs(TIMES.loanMs());
    runUntil(nowMs + PARTITION_MS + LATEST_MS + 2 * loanMs);
    for (SimulatedNode node : nodes) {
      LoanNode loans = node.loans();
      if (loans.lent() + loans.unknown() + loans.borrowed() > 0) {
        throw new Violation("blocks did not come back: " + nodes);
      }
    }
    SimulatedNode needy = nodes.get(random.nextInt(2));
    long asksMs = nowMs;
    while (needy.loans().borrowed() == 0) {
      needy.open();
      runUntil(nowMs + 50);
      if (nowMs > asksMs + 5_000) {
        throw new Violation(needy.name() + " is short and gets no loan: " + nodes);
      }
    }
  }

  Tally tally() {
    return tally;
  }

  long nowMs() {
    return nowMs;
  }

  private void every(int periodMs, Runnable action) {
    at(
        nowMs + 1 + random.nextInt(periodMs),
        () -> {
          action.run();
          every(periodMs, action);
        });
  }

  private void at(long atMs, Runnable action) {
    events.add(new Event(atMs, sequence++, action));
  }

  private void runUntil(long untilMs) {
    while (!events.isEmpty() && events.element().atMs <= untilMs) {
      Event event = events.remove();
      nowMs = event.atMs;
      event.action.run();
    }
    nowMs = untilMs;
  }

  void trace(String who, String does, Object what) {
    if (tracing) {
      trace.add(String.format("%7d %s %s %s", nowMs, who, does, what));
    }
  }

  @Override
  public String toString() {
    return "history of seed " + seed;
  }
}

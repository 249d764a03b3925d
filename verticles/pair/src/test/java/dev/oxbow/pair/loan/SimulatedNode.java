package dev.oxbow.pair.loan;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A machine of a simulated pair: opens, uses and ends connections as Fish would, and stops, dies
 * and comes back as a process may. A five-tuple is a number; a block has {@link #TUPLES} of them.
 */
final class SimulatedNode implements LocalPorts {
  static final int TUPLES = 2;
  private static final long LONG_AGO_MS = 1_000_000_000;

  private final History history;
  private final String name;
  private final Home home;
  private final Breach breach;
  private final SplittableRandom random;
  private final SimulatedClock clock;

  /** Of each tuple, those that rest included. */
  private final @Nullable Connection[] connections =
      new Connection[History.BLOCKS.count() * TUPLES];

  private final List<LoanMessage> inbox = new ArrayList<>();
  private ByteBuffer memory = newMemory();
  private LoanNode loans;
  private boolean isDown;
  private boolean isStopped;
  private long stoppedMs;
  private long lateMs;
  private int target;
  private boolean retired;

  private static final class Connection {
    boolean lives = true;
    long restsSinceMs;
  }

  SimulatedNode(History history, String name, Home home, Breach breach, SplittableRandom random) {
    this.history = history;
    this.name = name;
    this.home = home;
    this.breach = breach;
    this.random = random;
    double bound = History.TIMES.driftPpm() / 1e6;
    this.clock =
        new SimulatedClock(breach == Breach.CLOCKS_BEYOND_THE_BOUND ? 3 * bound : bound, random);
  }

  private static ByteBuffer newMemory() {
    return ByteBuffer.allocate(LoanRecords.bytes(History.BLOCKS.count()));
  }

  private long now() {
    return clock.at(history.nowMs());
  }

  /** A new process begins with the memory that there is. */
  void begin() {
    LoanTimes times = home == Home.FIRST ? History.TIMES : History.SHORTER;
    if (breach == Breach.NO_QUARANTINE) {
      times = new LoanTimes(times.loanMs(), times.drainMs(), 0, times.retryMs(), times.driftPpm());
    }
    SplittableRandom numbers =
        breach == Breach.NUMBERS_REPEAT ? new SplittableRandom(7) : random.split();
    loans =
        new LoanNode(
            History.BLOCKS,
            home,
            times,
            new LoanRecords(memory, clock.identity()),
            this,
            numbers,
            message -> history.send(this, message));
    if (breach == Breach.NO_WAIT_WITHOUT_MEMORY && memory.getLong(0) == 0) {
      // As if it had been there for ever, and all loans were over.
      loans.start(now() - LONG_AGO_MS, true);
    }
    boolean remembers = loans.start(now(), true);
    history.trace(name, "starts", remembers ? "with memory" : "without memory");
  }

  // What the protocol asks.

  @Override
  public boolean began(int block) {
    return !unused(block);
  }

  @Override
  public boolean unused(int block) {
    for (int tuple = block * TUPLES; tuple < (block + 1) * TUPLES; tuple++) {
      Connection connection = connections[tuple];
      if (connection != null && (connection.lives || breach != Breach.RETURNED_UNRESTED)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void end(int block) {
    for (int tuple = block * TUPLES; tuple < (block + 1) * TUPLES; tuple++) {
      Connection connection = connections[tuple];
      if (connection != null && connection.lives && breach != Breach.CONNECTIONS_OUTLIVE_LOANS) {
        history.tally().cutOff++;
        rest(tuple, connection);
      }
    }
  }

  private void rest(int tuple, Connection connection) {
    history.trace(name, "ends", tuple);
    connection.lives = false;
    connection.restsSinceMs = now();
  }

  // What time and the network bring.

  void receive(LoanMessage message) {
    if (isStopped) {
      inbox.add(message);
    } else if (!isDown) {
      history.trace(name, "gets", message);
      loans.handle(message, now() - lateMs);
      if (breach == Breach.PART_TAKEN_FOR_ALL && message instanceof LoanMessage.Held held) {
        takeForAll(held);
      }
      count(message);
    }
  }

  private void takeForAll(LoanMessage.Held held) {
    for (int address = 0; address < History.BLOCKS.addresses(); address++) {
      Blocks.Address of = History.BLOCKS.address(address);
      loans.handle(new LoanMessage.Held(held.question(), held.restMs(), of, List.of()), now());
    }
  }

  private void count(LoanMessage message) {
    if (message instanceof LoanMessage.Lent lent) {
      history.tally().lent += lent.loans().size();
    } else if (message instanceof LoanMessage.Return) {
      history.tally().returned++;
    } else if (message instanceof LoanMessage.Held) {
      history.tally().held++;
    }
  }

  void tick() {
    if (isRunning()) {
      loans.tick(now());
    }
  }

  /** Opens or ends some connections, and sends packets of those that live. */
  void work() {
    if (!isRunning()) {
      return;
    }
    if (!retired && random.nextInt(40) == 0) {
      // Busy beyond its own blocks, or nearly idle.
      int all = connections.length;
      target = random.nextBoolean() ? all / 2 + random.nextInt(all / 2) : random.nextInt(3);
    }
    int live = liveAndRested();
    for (int i = 0; i < 3 && live < target; i++, live++) {
      if (!open()) {
        break;
      }
    }
    for (int tuple = 0; tuple < connections.length; tuple++) {
      Connection connection = connections[tuple];
      if (connection != null && connection.lives) {
        send(tuple);
        if (live > target && random.nextInt(4) == 0) {
          rest(tuple, connection);
          live--;
        }
      }
    }
  }

  /** Forgets what has rested; how many live. */
  private int liveAndRested() {
    long restedMs = now() - History.TIMES.restMs();
    int live = 0;
    for (int tuple = 0; tuple < connections.length; tuple++) {
      Connection connection = connections[tuple];
      if (connection != null && connection.lives) {
        live++;
      } else if (connection != null && connection.restsSinceMs <= restedMs) {
        connections[tuple] = null;
      }
    }
    return live;
  }

  private void send(int tuple) {
    int block = tuple / TUPLES;
    boolean looks =
        breach != Breach.NO_LOOK_AT_THE_CLOCK && breach != Breach.CONNECTIONS_OUTLIVE_LOANS;
    if (!looks || loans.mayUse(block, now())) {
      history.packet(this, tuple);
    }
  }

  /** A connection on its own blocks, if they have room; else on borrowed ones; else it is short. */
  boolean open() {
    int all = connections.length;
    int first = random.nextInt(all);
    long nowMs = now();
    for (boolean own : new boolean[] {true, false}) {
      for (int i = 0; i < all; i++) {
        int tuple = (first + i) % all;
        int block = tuple / TUPLES;
        if (own == (History.BLOCKS.home(block) == home)
            && loans.mayGrant(block, nowMs)
            && connections[tuple] == null) {
          history.opened(this, tuple);
          history.tally().opened++;
          history.tally().openedOnLoan += own ? 0 : 1;
          connections[tuple] = new Connection();
          send(tuple);
          return true;
        }
      }
    }
    loans.need(random.nextInt(History.BLOCKS.addresses()), nowMs);
    return false;
  }

  // What happens to processes.

  boolean isRunning() {
    return !isDown && !isStopped;
  }

  void stop() {
    if (isRunning()) {
      history.trace(name, "is stopped", "");
      stoppedMs = now();
      isStopped = true;
    }
  }

  /** Goes on: whatever comes first, a packet, a message or a tick, comes before the others. */
  void proceed() {
    if (!isStopped) {
      return;
    }
    history.trace(name, "goes on", "");
    isStopped = false;
    if (random.nextBoolean()) {
      work();
    }
    List<LoanMessage> waiting = new ArrayList<>(inbox);
    inbox.clear();
    lateMs = breach == Breach.TIME_OF_BEFORE ? now() - stoppedMs : 0;
    waiting.forEach(this::receive);
    lateMs = 0;
    tick();
  }

  void die() {
    history.trace(name, "dies", "");
    isDown = true;
    isStopped = false;
    inbox.clear();
  }

  /** A new process, with what is left of the old one's. */
  void comeBack() {
    if (!isDown) {
      return;
    }
    isDown = false;
    switch (random.nextInt(6)) {
      case 0 -> {
        // The files are gone; the kernel still has the entries of what lives.
        memory = newMemory();
        for (int tuple = 0; tuple < connections.length; tuple++) {
          connections[tuple] = lives(tuple) ? connections[tuple] : null;
        }
        history.tally().forgot++;
      }
      case 1 -> {
        memory = newMemory();
        Arrays.fill(connections, null);
        history.tally().forgot++;
      }
      case 2 -> {
        // The machine has booted, and the files lie on a disk.
        clock.restart(history.nowMs());
        Arrays.fill(connections, null);
        history.tally().forgot++;
      }
      default -> history.tally().remembered++;
    }
    begin();
  }

  /** The next process takes over at once. */
  void upgrade() {
    if (isRunning()) {
      history.trace(name, "is upgraded", "");
      begin();
    }
  }

  void drift() {
    clock.drift(history.nowMs());
  }

  // What the history looks at.

  String name() {
    return name;
  }

  boolean lives(int tuple) {
    Connection connection = connections[tuple];
    return connection != null && connection.lives;
  }

  /** Ends all connections, and opens no other. */
  void endAll() {
    target = 0;
    retired = true;
    for (int tuple = 0; tuple < connections.length; tuple++) {
      Connection connection = connections[tuple];
      if (connection != null && connection.lives) {
        rest(tuple, connection);
      }
    }
  }

  LoanNode loans() {
    return loans;
  }

  @Override
  public String toString() {
    return String.format(
        "%s: %d lent, %d unknown, %d borrowed",
        name, loans.lent(), loans.unknown(), loans.borrowed());
  }
}

package dev.oxbow.fish.replica;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Takes in what the partner tells of its connections. A gap or a stranger in the order of messages
 * makes it ask for everything once more; what is there meanwhile stays. Loop thread only.
 */
public final class FlowImport {

  /** How long a partner may be silent at most, and is not held for lost. */
  private static final int MAX_SOON_MS = 600_000;

  /** Who hears of what came. */
  public interface Listener {

    /** A connection that the partner has taken over from this node; valid until this returns. */
    void moved(FlowImage flow);

    /** Such a one is over. */
    void ended(FlowImage flow);

    /** All was told that there is, since {@link #begun}. */
    void complete();

    /** The partner begins to tell everything. */
    void begun();

    /** The partner may be silent for so long, and is not lost. */
    void soon(int ms);
  }

  private final FlowReplica replica;
  private final Listener listener;
  private final FlowImage image = new FlowImage();
  private int localRound;
  private long round;
  private int expected;
  private int flows;
  private int sessions;
  private boolean begun;
  private boolean asked;

  /** Where the search for what was not told again is. */
  private int stale = -1;

  private long repeats;

  /**
   * @param replica where it goes; what is there already was told to another process
   */
  public FlowImport(FlowReplica replica, Listener listener) {
    this.replica = replica;
    this.listener = listener;
    rebuild();
  }

  /** Goes on from what the replica says: another process may have worked on it. */
  public void rebuild() {
    localRound = 0;
    for (int flow = 0; flow < replica.flowCapacity(); flow++) {
      localRound = Math.max(localRound, replica.round(flow));
    }
    for (int slot = 0; slot < replica.sessionCapacity(); slot++) {
      localRound = Math.max(localRound, replica.sessionRound(slot));
    }
    reset();
  }

  /** Whatever comes next is to be a beginning. */
  public void reset() {
    begun = false;
    asked = false;
    stale = -1;
  }

  /**
   * Takes a message in.
   *
   * @return whether the partner asks for everything once more
   * @throws IllegalArgumentException saying what is wrong with it; then nothing of it was taken in,
   *     and no more is until the next beginning
   */
  public boolean take(byte[] message) {
    ByteBuffer in = ByteBuffer.wrap(message);
    try {
      Chunk.check(in);
      int kind = Chunk.kind(in);
      if (kind == Chunk.AGAIN) {
        return true;
      }
      if (kind == Chunk.BEGIN) {
        begin(in);
        return false;
      }
      begun = begun && Chunk.round(in) == round && Chunk.sequence(in) == expected;
      expected++;
      // Whatever is missing, an announcement holds.
      if (begun || kind == Chunk.SOON) {
        entries(in, kind);
      }
      return false;
    } catch (IllegalArgumentException e) {
      begun = false;
      asked = true;
      throw e;
    }
  }

  /** What is to be sent because something was missing; told once until the next beginning. */
  public byte @Nullable [] wanted() {
    if (begun || asked) {
      return null;
    }
    asked = true;
    repeats++;
    return Chunk.bare(Chunk.AGAIN, round, 0);
  }

  private void begin(ByteBuffer in) {
    int theirs = in.getInt(Chunk.HEADER_BYTES);
    int theirSessions = in.getInt(Chunk.HEADER_BYTES + Integer.BYTES);
    if (Chunk.sequence(in) != 0) {
      throw new IllegalArgumentException("a beginning with number " + Chunk.sequence(in));
    }
    if (theirs <= 0 || theirs > replica.flowCapacity()) {
      throw new IllegalArgumentException(
          String.format(
              "fish.maxFlows of the partner is %d; here is room for %d",
              theirs, replica.flowCapacity()));
    }
    if (theirSessions <= 0 || theirSessions > replica.sessionCapacity()) {
      throw new IllegalArgumentException(
          String.format(
              "fish.maxSessions of the partner is %d; here is room for %d",
              theirSessions, replica.sessionCapacity()));
    }
    flows = theirs;
    sessions = theirSessions;
    round = Chunk.round(in);
    expected = 1;
    localRound = localRound == Integer.MAX_VALUE ? 1 : localRound + 1;
    begun = true;
    asked = false;
    stale = -1;
    listener.begun();
  }

  private void entries(ByteBuffer in, int kind) {
    int count = Chunk.count(in);
    for (int i = 0; i < count; i++) {
      check(in, kind, Chunk.entry(kind, i));
    }
    for (int i = 0; i < count; i++) {
      take(in, kind, Chunk.entry(kind, i));
    }
    if (kind == Chunk.COMPLETE) {
      stale = 0;
      listener.complete();
    }
  }

  private void check(ByteBuffer in, int kind, int at) {
    switch (kind) {
      case Chunk.SESSIONS -> SessionImage.check(in, at, sessions);
      case Chunk.FLOWS -> {
        image.over(in, at).check(flows, sessions);
        if (!replica.isSession(image.session())) {
          throw new IllegalArgumentException(
              "a connection of the partner's: session " + image.session() + " was not told");
        }
      }
      case Chunk.SOON -> {
        if (in.getInt(at) < 0 || in.getInt(at) > MAX_SOON_MS) {
          throw new IllegalArgumentException("silent for " + in.getInt(at) + " ms, it says");
        }
      }
      default -> {
        int number = in.getInt(at);
        if (number < 0 || number >= (kind == Chunk.OVER ? sessions : flows)) {
          throw new IllegalArgumentException("a chunk of kind " + kind + " about number " + number);
        }
      }
    }
  }

  private void take(ByteBuffer in, int kind, int at) {
    switch (kind) {
      case Chunk.SESSIONS -> {
        over(SessionImage.slot(in, at), SessionImage.name(in, at));
        replica.putSession(in, at, localRound);
      }
      case Chunk.OVER -> over(in.getInt(at), null);
      case Chunk.ENDS -> end(in.getInt(at));
      case Chunk.SOON -> listener.soon(in.getInt(at));
      default -> put(image.over(in, at));
    }
  }

  private void put(FlowImage flow) {
    int number = flow.flow();
    if (replica.round(number) != 0) {
      if (!same(replica.read(number), flow)) {
        end(number);
      } else {
        replica.remove(number);
      }
    }
    replica.put(flow, localRound);
    if (flow.moves() > 0) {
      listener.moved(flow);
    }
  }

  private static boolean same(FlowImage one, FlowImage other) {
    return one.protocol() == other.protocol()
        && one.outerPort() == other.outerPort()
        && one.remotePort() == other.remotePort()
        && one.outerLow() == other.outerLow()
        && one.outerHigh() == other.outerHigh()
        && one.remoteLow() == other.remoteLow()
        && one.remoteHigh() == other.remoteHigh();
  }

  private void end(int flow) {
    if (replica.round(flow) != 0) {
      FlowImage gone = replica.read(flow);
      if (gone.moves() > 0) {
        listener.ended(gone);
      }
      replica.remove(flow);
    }
  }

  /** A session is over, unless it still has that name. */
  private void over(int slot, @Nullable SessionName name) {
    if (replica.isSession(slot) && !replica.name(slot).equals(name)) {
      for (int flow = replica.first(slot); flow >= 0; flow = replica.first(slot)) {
        end(flow);
      }
      replica.removeSession(slot);
    }
  }

  /**
   * Forgets some of what was not told again, once all was.
   *
   * @param looks at so many records at most
   * @return whether there is more
   */
  public boolean forget(int looks) {
    for (int i = 0; i < looks && stale >= 0; i++) {
      int told = replica.round(stale);
      if (told != 0 && told != localRound) {
        end(stale);
      }
      stale = stale + 1 == replica.flowCapacity() ? -1 : stale + 1;
      if (stale < 0) {
        replica.removeOlder(localRound);
      }
    }
    return stale >= 0;
  }

  /** How often everything was asked for once more. */
  public long repeats() {
    return repeats;
  }
}

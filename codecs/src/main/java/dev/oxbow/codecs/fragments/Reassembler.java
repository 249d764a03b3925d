package dev.oxbow.codecs.fragments;

import dev.oxbow.codecs.ip.Bytes;
import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.Defect;
import dev.oxbow.codecs.ip.PacketView;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Puts datagrams together from their fragments: RFC 791 3.2, RFC 8200 4.5, RFC 5722, RFC 6864 and,
 * for ECN, RFC 3168 5.3. All that it knows is in memory of the caller's, so that another process
 * that maps the same memory goes on. Fragments are copied; they may come in any order, and twice.
 * An overlap ends a datagram, of IPv4 too: nobody sends such, except to deceive.
 *
 * <p>Bounded by the number of datagrams, each of at most 64 KiB, by how many of them one owner has,
 * and by {@link #TIMEOUT_MS}. When there is no room, the oldest datagram makes it, of the same
 * owner when that one has all that it may have.
 *
 * <p>One thread; {@link Loss} is called from {@link #add} and {@link #expire}.
 */
public final class Reassembler {

  /** How long a datagram may be incomplete: as Linux's net.ipv4.ipfrag_time. */
  public static final long TIMEOUT_MS = 30_000;

  /** Bytes before a complete datagram that the caller may write to. */
  public static final int HEADROOM = Datagrams.HEADER_ROOM - Datagrams.MAX_HEADER;

  private static final int NONE = -1;
  private static final int NOT_ECT = 1;
  private static final int CE = 1 << 3;

  private final Datagrams datagrams;
  private final int perOwner;
  private final LongSupplier nanoClock;
  private final Loss loss;
  private int complete = NONE;
  private int position;
  private int length;

  /** Hears of fragments that had been taken and are dropped after all. */
  @FunctionalInterface
  public interface Loss {

    /**
     * A datagram was given up.
     *
     * @param owner of its fragments
     * @param fragments how many
     */
    void lost(long owner, int fragments, Defect why);
  }

  /**
   * @param memory direct; zeroed, or what another reassembler of this size had, which then must not
   *     work on it any more
   * @param at where its {@link #bytes} begin
   * @param count datagrams at a time, at most
   * @param perOwner datagrams at a time of one owner, at most
   * @param nanoClock CLOCK_MONOTONIC in nanoseconds, the same for all processes
   */
  public Reassembler(
      ByteBuffer memory, int at, int count, int perOwner, LongSupplier nanoClock, Loss loss) {
    this.datagrams = new Datagrams(memory, at, count);
    this.perOwner = perOwner;
    this.nanoClock = nanoClock;
    this.loss = loss;
    for (int slot = 0; slot < count; slot++) {
      if (datagrams.state(slot) == Datagrams.COMPLETE) {
        datagrams.state(slot, Datagrams.FREE);
      }
    }
  }

  /** Bytes of memory for a number of datagrams. */
  public static int bytes(int count) {
    return Datagrams.bytes(count);
  }

  /**
   * Takes a fragment. When it completes its datagram, that one is at {@link #position} until the
   * next call; it is the caller's to change.
   *
   * @param owner whose fragments are never mixed with another's
   * @param fragment for which {@link PacketView#isFragment()} holds
   * @return why the fragment was dropped, or null when it was taken, or was a copy of one
   */
  public @Nullable Defect add(long owner, PacketView fragment) {
    release();
    if (Datagrams.headersTooLong(fragment)) {
      return Defect.BAD_HEADER;
    }
    long now = nanoClock.getAsLong();
    int slot = datagrams.find(owner, fragment);
    if (slot >= 0 && datagrams.deadlineNanos(slot) - now <= 0) {
      giveUp(slot, Defect.FRAGMENT_TIMEOUT);
      slot = NONE;
    }
    if (slot < 0) {
      slot = take(owner);
      datagrams.begin(slot, owner, fragment, now + TIMEOUT_MS * 1_000_000);
    }
    return datagrams.state(slot) == Datagrams.REFUSED
        ? Defect.FRAGMENT_OVERLAP
        : add(slot, fragment);
  }

  private @Nullable Defect add(int slot, PacketView fragment) {
    int offset = fragment.fragmentOffset();
    int bytes = fragment.transportLength();
    int end = offset + bytes;
    boolean last = !fragment.moreFragments();
    int total = datagrams.total(slot);
    boolean contradicts =
        total == 0
            ? last && datagrams.anyFrom(slot, offset)
            : end > total || last != (end == total);
    if (contradicts) {
      return refuse(slot, Defect.FRAGMENT_OVERLAP);
    }
    int blocks = datagrams.blocksHere(slot, offset, bytes);
    if (blocks != 0) {
      boolean copy = blocks == (bytes + 7) / 8 && datagrams.equal(slot, fragment);
      return copy ? null : refuse(slot, Defect.FRAGMENT_OVERLAP);
    }
    int at = datagrams.data(slot) + offset;
    datagrams.memory.put(at, fragment.memory(), fragment.transport(), bytes);
    datagrams.mark(slot, offset, bytes);
    datagrams.count(slot, bytes, fragment.trafficClass() & 3);
    if (offset == 0) {
      datagrams.header(slot, fragment);
    }
    if (last) {
      datagrams.total(slot, end);
    }
    return datagrams.here(slot) == datagrams.total(slot) ? complete(slot) : null;
  }

  private @Nullable Defect complete(int slot) {
    ByteBuffer memory = datagrams.memory;
    int headers = datagrams.headerBytes(slot);
    int total = datagrams.total(slot);
    int start = datagrams.data(slot) - headers;
    boolean v4 = Bytes.u8(memory, start) >> 4 == 4;
    int told = v4 ? headers + total : headers + total - PacketView.IPV6_BYTES;
    int ecn = datagrams.ecn(slot);
    boolean congested = (ecn & CE) != 0;
    if (told > 0xffff || ((ecn & NOT_ECT) != 0 && ecn != NOT_ECT)) {
      return refuse(slot, Defect.BAD_FRAGMENT);
    }
    if (v4) {
      Bytes.put8(memory, start + 1, Bytes.u8(memory, start + 1) | (congested ? 3 : 0));
      Bytes.put16(memory, start + 2, told);
      Bytes.put16(memory, start + 6, 0);
      Checksum.fillHeader(memory, start);
    } else {
      Bytes.put8(memory, start + 1, Bytes.u8(memory, start + 1) | (congested ? 0x30 : 0));
      Bytes.put16(memory, start + 4, told);
    }
    datagrams.state(slot, Datagrams.COMPLETE);
    complete = slot;
    position = start;
    length = headers + total;
    return null;
  }

  /** Gives a datagram up, and all of its fragments that come until its time is over. */
  private Defect refuse(int slot, Defect why) {
    int fragments = datagrams.fragments(slot);
    if (fragments > 0) {
      loss.lost(datagrams.owner(slot), fragments, why);
    }
    datagrams.forgetFragments(slot);
    datagrams.state(slot, Datagrams.REFUSED);
    return why;
  }

  private void giveUp(int slot, Defect why) {
    refuse(slot, why);
    datagrams.state(slot, Datagrams.FREE);
  }

  /** A place for a new datagram of an owner. */
  private int take(long owner) {
    int free = NONE;
    int oldest = NONE;
    int ownOldest = NONE;
    int own = 0;
    for (int slot = 0; slot < datagrams.count; slot++) {
      if (datagrams.state(slot) == Datagrams.FREE) {
        free = slot;
        continue;
      }
      oldest = older(slot, oldest);
      if (datagrams.owner(slot) == owner) {
        own++;
        ownOldest = older(slot, ownOldest);
      }
    }
    if (own < perOwner && free >= 0) {
      return free;
    }
    int victim = own < perOwner ? oldest : ownOldest;
    giveUp(victim, Defect.FRAGMENT_LIMIT);
    return victim;
  }

  private int older(int slot, int other) {
    boolean older = other < 0 || datagrams.deadlineNanos(slot) - datagrams.deadlineNanos(other) < 0;
    return older ? slot : other;
  }

  /** Whether the last fragment that was added completed its datagram. */
  public boolean isComplete() {
    return complete >= 0;
  }

  /** The memory that complete datagrams are in. */
  public ByteBuffer memory() {
    return datagrams.memory;
  }

  /** Where the complete datagram begins; {@link #HEADROOM} bytes before it are free. */
  public int position() {
    return position;
  }

  /** Bytes of the complete datagram. */
  public int length() {
    return length;
  }

  private void release() {
    if (complete >= 0) {
      datagrams.state(complete, Datagrams.FREE);
      complete = NONE;
    }
  }

  /** Gives up what was incomplete for too long; to be called now and then. */
  public void expire() {
    long now = nanoClock.getAsLong();
    for (int slot = 0; slot < datagrams.count; slot++) {
      if (isPending(slot) && datagrams.deadlineNanos(slot) - now <= 0) {
        giveUp(slot, Defect.FRAGMENT_TIMEOUT);
      }
    }
  }

  /**
   * Forgets the fragments of an owner that is gone; {@link Loss} does not hear of it.
   *
   * @return how many there were
   */
  public int forget(long owner) {
    int fragments = 0;
    for (int slot = 0; slot < datagrams.count; slot++) {
      if (isPending(slot) && datagrams.owner(slot) == owner) {
        fragments += datagrams.fragments(slot);
        datagrams.state(slot, Datagrams.FREE);
      }
    }
    return fragments;
  }

  /** Whether no datagram is incomplete, nor refused and not yet over. */
  public boolean isEmpty() {
    for (int slot = 0; slot < datagrams.count; slot++) {
      if (isPending(slot)) {
        return false;
      }
    }
    return true;
  }

  private boolean isPending(int slot) {
    int state = datagrams.state(slot);
    return state == Datagrams.HELD || state == Datagrams.REFUSED;
  }
}

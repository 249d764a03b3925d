package dev.oxbow.fish.conntrack;

import dev.oxbow.codecs.netlink.ConntrackMessages;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.TcpResumption;
import dev.oxbow.fdpassing.device.NetlinkBatch;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.libc.Errno;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Entries of this Fish in the kernel's connection tracking, made and deleted in batches: a batch is
 * one system call, and its outcome is there when that returns. For one event loop; nothing is
 * allocated per entry.
 */
public final class Conntrack implements AutoCloseable {

  /** Requests in one batch at most. */
  public static final int BATCH = 64;

  /** Bytes that one request takes at most; an insertion over IPv6 with TCP has 336. */
  private static final int REQUEST_BYTES = 384;

  private static final int RECEIVE_BUFFER_BYTES = 1 << 20;

  /** What became of requests. May not add any meanwhile. */
  public interface Outcomes {

    /**
     * The kernel's answer to an insertion or to a question.
     *
     * @param errno 0; ENOENT when there is no such entry; EEXIST when the five-tuple belongs to
     *     another, inside or outside; ENOMEM when its table is full (nf_conntrack_max)
     */
    void inserted(int flow, int errno);

    /**
     * The kernel's answer to a deletion.
     *
     * @param errno 0, or ENOENT when there was no such entry
     */
    void deleted(int flow, int errno);
  }

  private final NetlinkSocket socket;
  private final int mark;
  private final NetlinkBatch batch;
  private final NetlinkWriter writer;
  private final ConntrackTuple reply = new ConntrackTuple();
  private final int[] flows = new int[BATCH];
  private final boolean[] insertion = new boolean[BATCH];
  private final boolean[] answered = new boolean[BATCH];
  private final Told told = new Told();

  private Conntrack(NetlinkSocket socket, int mark) {
    this.socket = socket;
    this.mark = mark;
    this.batch = new NetlinkBatch(socket, BATCH, BATCH * REQUEST_BYTES);
    this.writer = new NetlinkWriter(batch.requests());
  }

  /**
   * Opens one in the calling thread's network namespace. Needs CAP_NET_ADMIN for its requests.
   *
   * @param mark of all entries that it makes
   */
  public static Conntrack open(int mark) {
    return open(mark, RECEIVE_BUFFER_BYTES);
  }

  /**
   * Opens one with so much room for answers, which is enough for a batch by default.
   *
   * @param mark of all entries that it makes
   */
  public static Conntrack open(int mark, int receiveBufferBytes) {
    return new Conntrack(
        NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER, receiveBufferBytes), mark);
  }

  /** Whether a request more would be too many: {@link #send} first. */
  public boolean isFull() {
    return batch.isFull(REQUEST_BYTES);
  }

  /** Whether nothing waits to be sent. */
  public boolean isEmpty() {
    return batch.size() == 0;
  }

  /**
   * Asks for an entry; see {@link ConntrackMessages#insert}.
   *
   * @param flow what the outcome is told with
   */
  public void insert(
      int flow,
      ConntrackTuple original,
      long outerHigh,
      long outerLow,
      int outerPort,
      int timeoutSeconds,
      @Nullable TcpResumption tcp) {
    ConntrackMessages.insert(
        writer, original, reply, outerHigh, outerLow, outerPort, timeoutSeconds, mark, tcp);
    added(flow, true);
  }

  /** Asks for the deletion of whatever entry a client's packets have. */
  public void delete(int flow, ConntrackTuple original) {
    ConntrackMessages.delete(writer, original, 0);
    added(flow, false);
  }

  /** Asks whether there is an entry that a client's packets have. */
  public void check(int flow, ConntrackTuple original) {
    ConntrackMessages.get(writer, original, false);
    added(flow, true);
  }

  private void added(int flow, boolean insert) {
    int slot = batch.add();
    flows[slot] = flow;
    insertion[slot] = insert;
    answered[slot] = false;
  }

  /**
   * Sends what was added and tells every outcome, in order; what the kernel had no room to answer
   * is told last, as EAGAIN: nobody knows what became of it, and asking again is right.
   */
  public void send(Outcomes outcomes) {
    int sent = batch.size();
    told.outcomes = outcomes;
    boolean complete = batch.send(told);
    for (int slot = 0; !complete && slot < sent; slot++) {
      if (!answered[slot]) {
        tell(outcomes, slot, Errno.EAGAIN);
      }
    }
  }

  private void tell(Outcomes outcomes, int slot, int errno) {
    answered[slot] = true;
    if (insertion[slot]) {
      outcomes.inserted(flows[slot], errno);
    } else {
      outcomes.deleted(flows[slot], errno);
    }
  }

  /** How often answers were missing. */
  public long overruns() {
    return batch.overruns();
  }

  @Override
  public void close() {
    socket.close();
  }

  private final class Told implements NetlinkBatch.Answers {
    private @Nullable Outcomes outcomes;

    @Override
    public void message(int slot, ByteBuffer message) {
      // The entry that was asked for: that there is one is all that matters.
    }

    @Override
    public void acknowledged(int slot, int errno) {
      tell(Objects.requireNonNull(outcomes), slot, errno);
    }
  }
}

package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.ByteBuffer;

/**
 * Many requests with one system call, for an event loop: the kernel works on all of them within
 * that call, so that their acknowledgements lie ready when it returns and nothing waits. For
 * requests that the kernel answers with an acknowledgement and at most a few messages; dumps belong
 * to {@link NetlinkExchange}. It does not own its socket. Nothing is allocated per request. One
 * thread at a time.
 */
public final class NetlinkBatch {

  /** Told of the answers, in the order of the requests. It may not add requests meanwhile. */
  public interface Answers {

    /**
     * A message that a request asked for (NLM_F_ECHO, or a single entry), before its
     * acknowledgement.
     *
     * @param slot what {@link #add} returned for the request
     * @param message between position and limit; valid until this returns
     */
    void message(int slot, ByteBuffer message);

    /**
     * The acknowledgement of a request.
     *
     * @param errno 0 or the positive error number
     */
    void acknowledged(int slot, int errno);
  }

  private final NetlinkSocket socket;
  private final NativeMemory out;
  private final ByteBuffer requests;
  private final NativeMemory in = NativeMemory.allocate(NetlinkSocket.DATAGRAM_BYTES);
  private final ByteBuffer answer = in.view();
  private final NetlinkFrame frame = new NetlinkFrame(in);
  private final int capacity;
  private int first = 1;
  private int count;
  private int start;
  private long overruns;

  /**
   * @param capacity requests at most
   * @param bytes room for all of them together
   */
  public NetlinkBatch(NetlinkSocket socket, int capacity, int bytes) {
    this.socket = socket;
    this.capacity = capacity;
    this.out = NativeMemory.allocate(bytes);
    this.requests = out.view();
  }

  /** Where the next request is written to, from the position on, in native order. */
  public ByteBuffer requests() {
    return requests;
  }

  /** Requests that wait to be sent. */
  public int size() {
    return count;
  }

  /** Whether another request of so many bytes would be too many. */
  public boolean isFull(int bytes) {
    return count == capacity || requests.remaining() < bytes;
  }

  /**
   * Adds the message that was written behind the ones before. It gets a sequence number and asks
   * for an acknowledgement.
   *
   * @return its slot, from 0 on
   */
  public int add() {
    int length = requests.position() - start;
    if (length < NetlinkFrame.HEADER_BYTES || count == capacity) {
      throw new IllegalStateException("request of " + length + " bytes, " + count + " before it");
    }
    int flags = requests.getShort(start + 6) | NetlinkFrame.NLM_F_ACK;
    requests.putShort(start + 6, (short) flags);
    requests.putInt(start + 8, first + count);
    start = requests.position();
    return count++;
  }

  /**
   * Sends all that was added and tells the answers; the batch is empty then, whatever happens.
   *
   * @return false when answers are missing (the kernel had no room for them, or for the requests):
   *     what became of those requests is unknown, and their state must be read again
   */
  public boolean send(Answers answers) {
    int sent = count;
    int base = first;
    int length = start;
    first += count;
    count = 0;
    start = 0;
    requests.clear();
    if (sent == 0) {
      return true;
    }
    if (!sent(length)) {
      overruns++;
      return false;
    }
    int acknowledged = 0;
    while (acknowledged < sent) {
      int n = receive();
      if (n == Syscalls.AGAIN) {
        overruns++;
        return false;
      }
      frame.over(n);
      while (frame.next()) {
        int slot = frame.sequence() - base;
        if (slot < 0 || slot >= sent) {
          // Of a batch before whose answers were late; unknown is what it was told as.
          continue;
        }
        if (frame.isLast()) {
          acknowledged++;
          answers.acknowledged(slot, frame.errno());
        } else {
          answers.message(
              slot, answer.limit(frame.start() + frame.length()).position(frame.start()));
        }
      }
    }
    return true;
  }

  /** Whether they went; a kernel that is short of memory takes none. */
  private boolean sent(int length) {
    try {
      socket.send(out.address(), length);
      return true;
    } catch (LinuxException e) {
      int errno = e.errno();
      if (errno != Errno.EAGAIN && errno != Errno.ENOBUFS && errno != Errno.ENOMEM) {
        throw e;
      }
      return false;
    }
  }

  /** How often answers were missing. */
  public long overruns() {
    return overruns;
  }

  /** What was dropped shows by what is missing; what was not can still be received. */
  private int receive() {
    try {
      return socket.receive(in);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOBUFS) {
        throw e;
      }
      return socket.receive(in);
    }
  }
}

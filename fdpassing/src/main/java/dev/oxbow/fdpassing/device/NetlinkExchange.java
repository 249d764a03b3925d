package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One request after the other, each waited for: for setting up and for dumps, on a thread that may
 * wait. It does not own its socket. One thread at a time.
 */
public final class NetlinkExchange {
  private static final int REQUEST_BYTES = 4096;

  private final NetlinkSocket socket;
  private final int timeoutMs;
  private final NativeMemory out = NativeMemory.allocate(REQUEST_BYTES);
  private final ByteBuffer request = out.view();
  private final NativeMemory in = NativeMemory.allocate(NetlinkSocket.DATAGRAM_BYTES);
  private final ByteBuffer answer = in.view();
  private final NetlinkFrame frame = new NetlinkFrame(in);
  private int sequence;

  /**
   * @param timeoutMs how long an answer may take, or a dump's next part
   */
  public NetlinkExchange(NetlinkSocket socket, int timeoutMs) {
    this.socket = socket;
    this.timeoutMs = timeoutMs;
  }

  /** Room for the next request, empty, in native order. */
  public ByteBuffer request() {
    return request.clear();
  }

  /**
   * Sends the message that was written to {@link #request()}, and waits for the answer. A sequence
   * number is filled in; the message must ask for an acknowledgement or for a dump.
   *
   * @param each called with every message of the answer but a successful end, between position and
   *     limit; for an error that is the NLMSG_ERROR with its extended acknowledgement. It may read
   *     the message until it returns
   * @return 0 or the positive error number that the kernel answered: EINTR for a dump that was
   *     interrupted by a change, so that it should be asked for again
   * @throws LinuxException ENOBUFS when part of the answer was lost, ETIMEDOUT when none came
   */
  public int perform(Consumer<ByteBuffer> each) {
    int length = request.position();
    int flags = length < NetlinkFrame.HEADER_BYTES ? 0 : request.getShort(6) & 0xffff;
    if ((flags & (NetlinkFrame.NLM_F_ACK | NetlinkFrame.NLM_F_DUMP)) == 0) {
      throw new IllegalArgumentException("a request that is not answered");
    }
    sequence++;
    request.putInt(8, sequence);
    socket.send(out.address(), length);
    boolean interrupted = false;
    while (true) {
      await();
      int n = socket.receive(in);
      frame.over(Math.max(0, n));
      while (frame.next()) {
        // An answer to an earlier request that was given up, or an event.
        if (frame.sequence() != sequence) {
          continue;
        }
        interrupted |= frame.isInterrupted();
        int errno = frame.isLast() ? frame.errno() : 0;
        if (!frame.isLast() || errno != 0) {
          each.accept(answer.limit(frame.start() + frame.length()).position(frame.start()));
        }
        if (frame.isLast()) {
          return errno == 0 && interrupted ? Errno.EINTR : errno;
        }
      }
    }
  }

  private void await() {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    long leftMs = timeoutMs;
    while (Sockets.poll(socket.fd(), Sockets.POLLIN, (int) leftMs) == 0) {
      leftMs = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (leftMs <= 0) {
        throw new LinuxException("recv", Errno.ETIMEDOUT);
      }
    }
  }
}

package dev.oxbow.splicer.load;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.Random;

/**
 * One end of a connection that sends a known stream in chunks of random size, half-closes at its
 * end, and meanwhile checks what it receives, up to the end of the stream. It never waits: step it
 * until it is done. One thread.
 */
public final class Talker {
  private static final int CHUNK_BYTES = 64 << 10;

  private final int fd;
  private final NativeMemory chunk;
  private final Random random;
  private final KnownStream sent;
  private final KnownStream received;
  private final long sendBytes;
  private final long receiveBytes;
  private boolean halfClosed;
  private boolean ended;

  /**
   * @param fd a connected stream socket, owned by the caller
   * @param chunk shared by the talkers of a thread
   * @param random sizes of chunks
   * @param sendSeed what is sent, and {@code sendBytes} how much
   * @param receiveSeed what is expected, and {@code receiveBytes} how much
   */
  public Talker(
      int fd,
      NativeMemory chunk,
      Random random,
      long sendSeed,
      long sendBytes,
      long receiveSeed,
      long receiveBytes) {
    this.fd = fd;
    this.chunk = chunk;
    this.random = random;
    this.sent = new KnownStream(sendSeed);
    this.received = new KnownStream(receiveSeed);
    this.sendBytes = sendBytes;
    this.receiveBytes = receiveBytes;
  }

  /** Memory that is large enough for talkers. */
  public static NativeMemory chunk() {
    return NativeMemory.allocate(CHUNK_BYTES);
  }

  /** Whether all was sent and half-closed, and all was received up to the end. */
  public boolean done() {
    return halfClosed && ended;
  }

  /** Sends and receives a little of what is possible; false when nothing was. */
  public boolean step() {
    boolean wrote = !halfClosed && write();
    boolean read = !ended && read();
    return wrote || read;
  }

  private boolean write() {
    int length = (int) Math.min(sendBytes - sent.position(), size());
    if (length > 0) {
      chunk.putBytes(0, sent.peek(length), 0, length);
      long n = Sockets.send(fd, chunk.address(), length, Sockets.MSG_DONTWAIT);
      if (n == Syscalls.AGAIN) {
        return false;
      }
      sent.skip((int) n);
    }
    if (sent.position() == sendBytes) {
      Sockets.shutdown(fd, Sockets.SHUT_WR);
      halfClosed = true;
    }
    return true;
  }

  private boolean read() {
    long n = Sockets.recv(fd, chunk.address(), size(), Sockets.MSG_DONTWAIT);
    if (n == Syscalls.AGAIN) {
      return false;
    }
    if (n > 0) {
      received.check(chunk.bytes(0, (int) n));
    } else if (received.position() == receiveBytes) {
      ended = true;
    } else {
      throw new AssertionError(
          "ended after " + received.position() + " of " + receiveBytes + " bytes");
    }
    return true;
  }

  /** Tiny, middling or as large as can be, each as often. */
  private int size() {
    return 1
        + random.nextInt(random.nextBoolean() ? CHUNK_BYTES : random.nextBoolean() ? 100 : 4096);
  }
}

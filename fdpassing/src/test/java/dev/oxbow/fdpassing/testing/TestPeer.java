package dev.oxbow.fdpassing.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.ByteArrayOutputStream;
import java.util.concurrent.TimeUnit;

/**
 * One end of a stream, driven by a test thread. Calls that wait use poll(2) and give up with an
 * {@link AssertionError} after ten seconds, whatever the socket's O_NONBLOCK flag says; {@code try}
 * calls never wait. One thread at a time.
 */
public final class TestPeer implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int CHUNK_BYTES = 64 * 1024;

  private final Descriptor socket;
  private final NativeMemory chunk = NativeMemory.allocate(CHUNK_BYTES);

  /**
   * @param socket a connected stream socket; the peer owns it
   */
  public TestPeer(Descriptor socket) {
    this.socket = socket;
  }

  /** The socket, still owned by this peer. */
  public Descriptor socket() {
    return socket;
  }

  /** The socket's number. */
  public int fd() {
    return socket.fd();
  }

  /** Writes all bytes, waiting as long as the other end makes room. */
  public void write(byte[] bytes) {
    int done = 0;
    while (done < bytes.length) {
      int n = tryWrite(bytes, done);
      done += n;
      if (n == 0) {
        await(Sockets.POLLOUT, "write " + (bytes.length - done) + " more bytes");
      }
    }
  }

  /** Writes what fits now of the bytes from {@code offset} on: the number of bytes taken. */
  public int tryWrite(byte[] bytes, int offset) {
    int done = offset;
    while (done < bytes.length) {
      int length = Math.min(CHUNK_BYTES, bytes.length - done);
      chunk.putBytes(0, bytes, done, length);
      long n = Sockets.send(fd(), chunk.address(), length, Sockets.MSG_DONTWAIT);
      if (n == Syscalls.AGAIN) {
        break;
      }
      done += (int) n;
    }
    return done - offset;
  }

  /** Writes zeros until nothing more fits: the number of bytes taken. */
  public long fill() {
    long total = 0;
    byte[] zeros = new byte[CHUNK_BYTES];
    for (int n = tryWrite(zeros, 0); n > 0; n = tryWrite(zeros, 0)) {
      total += n;
    }
    return total;
  }

  /** Reads exactly so many bytes; the end of the stream before that is a failure. */
  public byte[] read(int length) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(length);
    while (bytes.size() < length) {
      int n = receive(length - bytes.size());
      if (n == 0) {
        throw new AssertionError("end of stream after " + bytes.size() + " of " + length);
      } else if (n < 0) {
        await(Sockets.POLLIN, "read byte " + bytes.size() + " of " + length);
      } else {
        bytes.writeBytes(chunk.bytes(0, n));
      }
    }
    return bytes.toByteArray();
  }

  /** Reads to the end of the stream. */
  public byte[] readAll() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    while (true) {
      int n = receive(CHUNK_BYTES);
      if (n == 0) {
        return bytes.toByteArray();
      } else if (n < 0) {
        await(Sockets.POLLIN, "reach the end of the stream after " + bytes.size() + " bytes");
      } else {
        bytes.writeBytes(chunk.bytes(0, n));
      }
    }
  }

  /** Reads what is there, at most 64 KiB: empty when nothing is, or at the end. */
  public byte[] tryRead() {
    return chunk.bytes(0, Math.max(0, receive(CHUNK_BYTES)));
  }

  /** Whether the other end has ended its direction and everything before that was read. */
  public boolean atEnd() {
    return Sockets.recv(fd(), chunk.address(), 1, Sockets.MSG_DONTWAIT | Sockets.MSG_PEEK) == 0;
  }

  /** Ends this direction: the other end reads to the end of the stream (SHUT_WR). */
  public void halfClose() {
    Sockets.shutdown(fd(), Sockets.SHUT_WR);
  }

  /** Closes; a TCP connection is aborted with a RST (SO_LINGER of 0 seconds). */
  public void reset() {
    Sockets.linger(fd(), true);
    socket.close();
  }

  /** Sets or clears O_NONBLOCK, which all duplicates of the socket share. */
  public void nonBlocking(boolean wanted) {
    int flags = Syscalls.fcntl(fd(), Syscalls.F_GETFL, 0) & ~Syscalls.O_NONBLOCK;
    Syscalls.fcntl(fd(), Syscalls.F_SETFL, flags | (wanted ? Syscalls.O_NONBLOCK : 0));
  }

  @Override
  public void close() {
    socket.close();
  }

  /** Bytes received into the chunk, 0 at the end, -1 when it would block. */
  private int receive(int most) {
    int length = Math.min(CHUNK_BYTES, most);
    return (int) Sockets.recv(fd(), chunk.address(), length, Sockets.MSG_DONTWAIT);
  }

  private void await(int event, String what) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (Sockets.poll(fd(), event, 100) == 0) {
      if (System.nanoTime() - deadline >= 0) {
        throw new AssertionError("the peer could not " + what);
      }
    }
  }
}

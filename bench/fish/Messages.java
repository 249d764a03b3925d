import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Vectors;

/** Datagrams that are sent or received with one system call. One thread. */
final class Messages {
  static final int BATCH = 32;

  /** With the headers of UDP and IPv4 packets of 64 bytes. */
  static final int PAYLOAD = 36;

  private static final int ADDRESS_BYTES = 16;
  private static final int NAME_LENGTH = 8;

  private final NativeMemory data = NativeMemory.allocate(BATCH * 64);
  private final NativeMemory names = NativeMemory.allocate(BATCH * ADDRESS_BYTES);
  private final NativeMemory vectors = NativeMemory.allocate(BATCH * Vectors.IOVEC_BYTES);
  private final NativeMemory messages = NativeMemory.allocate(BATCH * Vectors.MMSGHDR_BYTES);

  /**
   * @param named whether they have addresses, as for a socket that is not connected
   */
  Messages(boolean named) {
    for (int i = 0; i < BATCH; i++) {
      vectors.putLong(i * Vectors.IOVEC_BYTES, data.address() + i * 64L);
      vectors.putLong(i * Vectors.IOVEC_BYTES + 8, PAYLOAD);
      int at = i * Vectors.MMSGHDR_BYTES;
      messages.putLong(at, named ? names.address() + (long) i * ADDRESS_BYTES : 0);
      messages.putInt(at + NAME_LENGTH, named ? ADDRESS_BYTES : 0);
      messages.putLong(
          at + Vectors.MMSG_IOVEC, vectors.address() + (long) i * Vectors.IOVEC_BYTES);
      messages.putLong(at + Vectors.MMSG_IOVEC_COUNT, 1);
    }
  }

  /** How many there were. */
  int receive(int fd) {
    return count("recvmmsg", Vectors.recvmmsg(fd, messages.address(), BATCH));
  }

  /** How many were taken. */
  int send(int fd, int first, int count) {
    long from = messages.address() + (long) first * Vectors.MMSGHDR_BYTES;
    return count("sendmmsg", Vectors.sendmmsg(fd, from, count));
  }

  private static int count(String what, int n) {
    if (n < 0 && n != -Errno.EAGAIN) {
      throw new LinuxException(what, -n);
    }
    return Math.max(0, n);
  }

  long number(int i) {
    return data.getLong(i * 64);
  }

  void number(int i, long number) {
    data.putLong(i * 64, number);
  }

  /** The address that one came from. */
  byte[] from(int i) {
    return names.bytes(i * ADDRESS_BYTES, ADDRESS_BYTES);
  }

  /** Sets where one goes to. */
  void to(int i, byte[] address) {
    names.putBytes(i * ADDRESS_BYTES, address, 0, ADDRESS_BYTES);
  }

  /** Its port, of where it came from or goes to. */
  int port(int i) {
    int at = i * ADDRESS_BYTES;
    return (names.getByte(at + 2) & 0xff) << 8 | (names.getByte(at + 3) & 0xff);
  }
}

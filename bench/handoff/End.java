import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.LockSupport;

/** One end of a relayed connection. */
final class End {
  final SocketChannel channel;
  final int relay;
  final ByteBuffer unsent =
      ByteBuffer.allocateDirect(Pulse.LARGE_WORDS * Long.BYTES).limit(0);
  Stream arriving;
  long partial;
  int partialBytes;
  boolean gone;

  End(SocketChannel channel, int relay) {
    this.channel = channel;
    this.relay = relay;
  }

  /** Whether the other end gets a word that this one sends, within two seconds. */
  boolean says(End to) {
    try {
      long until = System.nanoTime() + 2_000_000_000L;
      channel.write(ByteBuffer.allocate(8).putLong(Pulse.GREETING).flip());
      ByteBuffer word = ByteBuffer.allocate(8);
      while (word.hasRemaining() && System.nanoTime() < until) {
        if (to.channel.read(word) < 0) {
          return false;
        }
        if (word.hasRemaining()) {
          LockSupport.parkNanos(20_000);
        }
      }
      return !word.hasRemaining() && word.getLong(0) == Pulse.GREETING;
    } catch (IOException e) {
      return false;
    }
  }
}

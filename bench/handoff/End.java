import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

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
}

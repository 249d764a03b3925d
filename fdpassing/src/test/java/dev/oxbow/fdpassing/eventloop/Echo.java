package dev.oxbow.fdpassing.eventloop;

import dev.oxbow.fdpassing.testing.TestPeer;
import io.vertx.core.net.NetSocket;
import java.io.ByteArrayOutputStream;
import java.util.Random;

/** An echo, its client, and what is sent to it. */
final class Echo {
  private Echo() {}

  /** Writes back what comes, at the pace of whoever reads it. */
  static void serve(NetSocket socket) {
    socket.handler(
        bytes -> {
          socket.write(bytes);
          if (socket.writeQueueFull()) {
            socket.pause();
            socket.drainHandler(drained -> socket.resume());
          }
        });
  }

  /** Sends all bytes and returns as many that came back. */
  static byte[] through(TestPeer peer, byte[] sent) {
    ByteArrayOutputStream back = new ByteArrayOutputStream();
    int done = 0;
    while (back.size() < sent.length) {
      done += done < sent.length ? peer.tryWrite(sent, done) : 0;
      back.writeBytes(peer.tryRead());
    }
    return back.toByteArray();
  }

  /** Bytes that look random and depend on their number only. */
  static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }
}

package dev.oxbow.pair.link;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * What goes over a wire, big-endian.
 *
 * <pre>
 *  0 version u8   1 kind u8 (0 beat, 1 farewell, else the kind of a message)
 *  2 from u64    10 to u64 (0: nobody is known)
 * 18 sent u64: messages sent so far, this one included
 * 26 received u64: messages that have come so far
 * 34 time u64: nanoseconds of the sender's clock
 * 42 echo u64: time of the last frame that came, and for how long it has been here added
 * 50 body          then 16 bytes of the HMAC-SHA256 of all before with the secret's bytes
 * </pre>
 *
 * @param from of the sender as long as no message was lost; unique
 * @param to the sender's partner, likewise
 * @param body a message, or an introduction in a beat
 */
record Frame(
    int kind, long from, long to, long sent, long received, long time, long echo, byte[] body) {

  /** Nodes that speak another one understand nothing but this. */
  static final int VERSION = 1;

  static final int BEAT = 0;
  static final int FAREWELL = 255;
  private static final int HEADER_BYTES = 50;
  private static final int SEAL_BYTES = 16;
  private static final String HMAC = "HmacSHA256";

  /** What came is no frame of a node that knows the secret. */
  static final class SealException extends Exception {
    private static final long serialVersionUID = 1;

    SealException(String message) {
      super(message);
    }
  }

  /** Makes and reads frames. One thread. */
  static final class Codec {
    private final Mac mac;

    /**
     * @param secret null for none: then a checksum is left
     */
    Codec(@Nullable String secret) {
      byte[] key = (secret == null ? "none" : secret).getBytes(StandardCharsets.UTF_8);
      try {
        mac = Mac.getInstance(HMAC);
        mac.init(new SecretKeySpec(key, HMAC));
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this JVM has no " + HMAC, e);
      }
    }

    byte[] bytes(Frame frame) {
      ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + frame.body.length + SEAL_BYTES);
      out.put((byte) VERSION).put((byte) frame.kind).putLong(frame.from).putLong(frame.to);
      out.putLong(frame.sent).putLong(frame.received).putLong(frame.time).putLong(frame.echo);
      out.put(frame.body);
      out.put(seal(out.array(), out.position()));
      return out.array();
    }

    private byte[] seal(byte[] bytes, int length) {
      mac.update(bytes, 0, length);
      return Arrays.copyOf(mac.doFinal(), SEAL_BYTES);
    }

    /**
     * Reads a frame.
     *
     * @throws SealException when whoever sent it does not know the secret, or speaks otherwise
     */
    Frame read(byte[] bytes) throws SealException {
      if (bytes.length == 0 || bytes[0] != VERSION) {
        throw new SealException(
            "a node of this cluster speaks version "
                + (bytes.length == 0 ? 0 : bytes[0] & 0xff)
                + " of the link, this node "
                + VERSION
                + ": upgrade the older one");
      }
      int end = bytes.length - SEAL_BYTES;
      if (end < HEADER_BYTES
          || !MessageDigest.isEqual(
              seal(bytes, end), Arrays.copyOfRange(bytes, end, bytes.length))) {
        throw new SealException(
            "a node of this cluster has another fish.pair.secret: both need the same");
      }
      ByteBuffer in = ByteBuffer.wrap(bytes, 1, end - 1);
      int kind = in.get() & 0xff;
      long from = in.getLong();
      long to = in.getLong();
      return new Frame(
          kind,
          from,
          to,
          in.getLong(),
          in.getLong(),
          in.getLong(),
          in.getLong(),
          Arrays.copyOfRange(bytes, HEADER_BYTES, end));
    }
  }
}

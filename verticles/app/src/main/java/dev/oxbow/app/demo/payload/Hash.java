package dev.oxbow.app.demo.payload;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A SHA-256 in the making. One thread. */
public final class Hash {
  private static final int CHUNK_BYTES = 64 * 1024;

  private final MessageDigest digest;
  private long length;

  public Hash() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** The hash of all that a stream has, which is read to its end and not closed. */
  public static Hash of(InputStream in) throws IOException {
    Hash hash = new Hash();
    byte[] chunk = new byte[CHUNK_BYTES];
    for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
      hash.add(chunk, n);
    }
    return hash;
  }

  /** The hash of a file's content. */
  public static String ofFile(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in).hex();
    }
  }

  /** The hash of a payload. */
  public static String ofPayload(long seed, long length) {
    try (Payload payload = new Payload(seed, length)) {
      return of(payload).hex();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Adds the first bytes of an array. */
  public void add(byte[] bytes, int count) {
    digest.update(bytes, 0, count);
    length += count;
  }

  /** How many bytes were added. */
  public long length() {
    return length;
  }

  /** The hash in hexadecimal; once. */
  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}

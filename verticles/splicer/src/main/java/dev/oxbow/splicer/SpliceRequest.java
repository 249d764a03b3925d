package dev.oxbow.splicer;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.NetSockets;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.Json;
import io.vertx.core.net.NetSocket;
import org.jspecify.annotations.Nullable;

/**
 * Two connected stream sockets (TCP or AF_UNIX), what to write to them first, and when to end the
 * relay early. Limits are off (0) unless set. Not thread-safe; not changed any more once given to a
 * Splicer.
 */
public final class SpliceRequest {

  /** Bytes of one prelude at most. */
  public static final int MAX_PRELUDE_BYTES = 1 << 20;

  private final Descriptor a;
  private final Descriptor b;
  private RawJson metadata = RawJson.NULL;
  private Buffer preludeToA = Buffer.buffer();
  private Buffer preludeToB = Buffer.buffer();
  private long idleTimeoutMs;
  private long halfCloseTimeoutMs;
  private long maxDurationMs;
  private long maxBytes;

  /**
   * @param a owned by the caller until the request was accepted
   * @param b another socket, likewise
   */
  public SpliceRequest(Descriptor a, Descriptor b) {
    this.a = a;
    this.b = b;
  }

  /**
   * Takes two live sockets of Vert.x out of their event loops. What was read from one and not yet
   * handled becomes the prelude to the other; what was written to one is flushed first.
   *
   * @return fails when one of them cannot be taken, as {@link NetSockets#take} says, or has more
   *     unread bytes than a prelude may have; a connection that was taken by then is closed
   */
  public static Future<SpliceRequest> of(NetSocket a, NetSocket b) {
    Future<NetSockets.Taken> takenA = NetSockets.take(a);
    Future<NetSockets.Taken> takenB = NetSockets.take(b);
    return Future.join(takenA, takenB)
        .map(both -> of(takenA.result(), takenB.result()))
        .onFailure(
            e -> {
              takenA.onSuccess(taken -> taken.descriptor().close());
              takenB.onSuccess(taken -> taken.descriptor().close());
            });
  }

  private static SpliceRequest of(NetSockets.Taken a, NetSockets.Taken b) {
    return new SpliceRequest(a.descriptor(), b.descriptor())
        .setPreludeToB(a.unread())
        .setPreludeToA(b.unread());
  }

  public Descriptor a() {
    return a;
  }

  public Descriptor b() {
    return b;
  }

  public RawJson metadata() {
    return metadata;
  }

  /** Any JSON value; it comes back with the report as it is. */
  public SpliceRequest setMetadata(RawJson metadata) {
    this.metadata = metadata;
    return this;
  }

  /** Any value that Vert.x can encode as JSON; it comes back with the report. */
  public SpliceRequest setMetadata(@Nullable Object json) {
    return setMetadata(RawJson.of(Json.encode(json)));
  }

  public Buffer preludeToA() {
    return preludeToA;
  }

  /** Bytes that are written to a before anything else, at most {@value #MAX_PRELUDE_BYTES}. */
  public SpliceRequest setPreludeToA(Buffer bytes) {
    this.preludeToA = checkedPrelude(bytes);
    return this;
  }

  public Buffer preludeToB() {
    return preludeToB;
  }

  /** Bytes that are written to b before anything else, at most {@value #MAX_PRELUDE_BYTES}. */
  public SpliceRequest setPreludeToB(Buffer bytes) {
    this.preludeToB = checkedPrelude(bytes);
    return this;
  }

  public long idleTimeoutMs() {
    return idleTimeoutMs;
  }

  /** Ends the relay when no byte has moved for so long. */
  public SpliceRequest setIdleTimeoutMs(long idleTimeoutMs) {
    this.idleTimeoutMs = checkedLimit("idleTimeoutMs", idleTimeoutMs);
    return this;
  }

  public long halfCloseTimeoutMs() {
    return halfCloseTimeoutMs;
  }

  /** Ends the relay when one direction has ended and no byte has moved for so long. */
  public SpliceRequest setHalfCloseTimeoutMs(long halfCloseTimeoutMs) {
    this.halfCloseTimeoutMs = checkedLimit("halfCloseTimeoutMs", halfCloseTimeoutMs);
    return this;
  }

  public long maxDurationMs() {
    return maxDurationMs;
  }

  /** Ends the relay after so long, whatever it does. */
  public SpliceRequest setMaxDurationMs(long maxDurationMs) {
    this.maxDurationMs = checkedLimit("maxDurationMs", maxDurationMs);
    return this;
  }

  public long maxBytes() {
    return maxBytes;
  }

  /** Ends the relay when both directions together have moved so much, and never moves more. */
  public SpliceRequest setMaxBytes(long maxBytes) {
    this.maxBytes = checkedLimit("maxBytes", maxBytes);
    return this;
  }

  /**
   * Sees to it that the caller has not closed or given away a socket.
   *
   * @throws RequestException {@code bad-descriptors}
   */
  void requireOpen() {
    if (!a.isOpen() || !b.isOpen()) {
      throw RequestException.badDescriptor(a.isOpen() ? "b" : "a", "was closed or given away");
    }
  }

  private static long checkedLimit(String name, long value) {
    if (value < 0) {
      throw new IllegalArgumentException(name + " must not be negative: " + value);
    }
    return value;
  }

  private static Buffer checkedPrelude(Buffer bytes) {
    if (bytes.length() > MAX_PRELUDE_BYTES) {
      throw new IllegalArgumentException(
          "a prelude has at most " + MAX_PRELUDE_BYTES + " bytes, not " + bytes.length());
    }
    return bytes;
  }
}

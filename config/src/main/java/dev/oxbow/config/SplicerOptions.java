package dev.oxbow.config;

import io.vertx.core.json.JsonObject;

/**
 * Options of Splicer, the service that relays between two sockets. Every setter throws {@link
 * IllegalArgumentException} when the value is out of its bounds. Not thread-safe: fill it, then
 * deploy with it.
 */
public final class SplicerOptions {

  /** One event loop per processor. */
  public static final int DEFAULT_LOOPS = 0;

  /** 1 MiB, the most that an unprivileged process gets by default (fs.pipe-max-size). */
  public static final int DEFAULT_PIPE_BYTES = 1 << 20;

  /** Pooled pipes that stay open while they are idle. */
  public static final int DEFAULT_IDLE_PIPES = 32;

  /** Milliseconds that a socket may hold an event loop. */
  public static final int DEFAULT_STALL_MS = 100;

  /** Microseconds that an event loop stays awake after a small message. */
  public static final int DEFAULT_BUSY_POLL_MICROS = 50;

  private int loops = DEFAULT_LOOPS;
  private int pipeBytes = DEFAULT_PIPE_BYTES;
  private int idlePipes = DEFAULT_IDLE_PIPES;
  private int stallMs = DEFAULT_STALL_MS;
  private int busyPollMicros = DEFAULT_BUSY_POLL_MICROS;

  /** All defaults. */
  public SplicerOptions() {}

  /** A copy that shares nothing with the original. */
  public SplicerOptions(SplicerOptions other) {
    this.loops = other.loops;
    this.pipeBytes = other.pipeBytes;
    this.idlePipes = other.idlePipes;
    this.stallMs = other.stallMs;
    this.busyPollMicros = other.busyPollMicros;
  }

  /** From the keys of the section {@code splicer}; what is not there keeps its default. */
  public SplicerOptions(JsonObject json) {
    setLoops(Bounds.integer(json, "loops", DEFAULT_LOOPS));
    setPipeBytes(Bounds.integer(json, "pipeBytes", DEFAULT_PIPE_BYTES));
    setIdlePipes(Bounds.integer(json, "idlePipes", DEFAULT_IDLE_PIPES));
    setStallMs(Bounds.integer(json, "stallMs", DEFAULT_STALL_MS));
    setBusyPollMicros(Bounds.integer(json, "busyPollMicros", DEFAULT_BUSY_POLL_MICROS));
  }

  /** Event loops that relay; 0 = one per processor. */
  public int getLoops() {
    return loops;
  }

  /** Event loops that relay, 0 (one per processor) to 1024. */
  public SplicerOptions setLoops(int loops) {
    this.loops = Bounds.check("loops", loops, 0, 1024);
    return this;
  }

  /** Capacity that is asked for each pipe, in bytes; the kernel may give more or less. */
  public int getPipeBytes() {
    return pipeBytes;
  }

  /**
   * Capacity that is asked for each pipe, 4 KiB to 16 MiB. The kernel rounds it up to a power of
   * two of pages (F_SETPIPE_SZ, fcntl(2)).
   */
  public SplicerOptions setPipeBytes(int pipeBytes) {
    this.pipeBytes = Bounds.check("pipeBytes", pipeBytes, 4096, 16 << 20);
    return this;
  }

  /** Pooled pipes that stay open while they are idle. */
  public int getIdlePipes() {
    return idlePipes;
  }

  /** Pooled pipes that stay open while they are idle, 0 to 1024; each holds two descriptors. */
  public SplicerOptions setIdlePipes(int idlePipes) {
    this.idlePipes = Bounds.check("idlePipes", idlePipes, 0, 1024);
    return this;
  }

  /** How long a socket may hold an event loop before it is shut down, in milliseconds. */
  public int getStallMs() {
    return stallMs;
  }

  /** How long a socket may hold an event loop before it is shut down, 10 to 60000 ms. */
  public SplicerOptions setStallMs(int stallMs) {
    this.stallMs = Bounds.check("stallMs", stallMs, 10, 60_000);
    return this;
  }

  /** How long an event loop stays awake after a small message, in microseconds; 0 = not at all. */
  public int getBusyPollMicros() {
    return busyPollMicros;
  }

  /**
   * How long an event loop stays awake after a small message, 0 (not at all) to 1000 microseconds.
   * An answer within that time finds it awake, which saves both sides the waking; a loop that waits
   * in vain soon waits for few messages only.
   */
  public SplicerOptions setBusyPollMicros(int busyPollMicros) {
    this.busyPollMicros = Bounds.check("busyPollMicros", busyPollMicros, 0, 1_000);
    return this;
  }

  /** The section {@code splicer} with every key. */
  public JsonObject toJson() {
    return new JsonObject()
        .put("loops", loops)
        .put("pipeBytes", pipeBytes)
        .put("idlePipes", idlePipes)
        .put("stallMs", stallMs)
        .put("busyPollMicros", busyPollMicros);
  }

  @Override
  public String toString() {
    return toJson().encode();
  }
}

package dev.oxbow.app.demo.client;

import java.util.List;

/**
 * What a client is told to do: one line of words.
 *
 * @param verb what
 * @param id names the task in events
 * @param arguments as the verb wants them
 */
public record Order(Verb verb, String id, List<String> arguments) {

  /** What there is to do. */
  public enum Verb {
    /** GET once. */
    DOWNLOAD,
    /** PUT once. */
    UPLOAD,
    /** GET many times, a connection each. */
    REQUESTS,
    /** GET until released, a connection each. */
    VISITS,
    /** GET on one connection until released. */
    KEEP_ALIVE,
    /** Send, shut down sending, then receive. */
    HALF_CLOSE,
    /** Receive to the end, then send. */
    LATE_SEND,
    /** No more pacing for that task. */
    RELEASE
  }

  /**
   * Receives a file at a pace; a small receive buffer (0 = the kernel's) makes it a slow reader.
   */
  public static Order download(String id, String path, long bytesPerSecond, int receiveBuffer) {
    return of(Verb.DOWNLOAD, id, path, bytesPerSecond, receiveBuffer);
  }

  /** Sends so many bytes of a payload at a pace. */
  public static Order upload(String id, String path, long seed, long length, long bytesPerSecond) {
    return of(Verb.UPLOAD, id, path, seed, length, bytesPerSecond);
  }

  /** Many requests for a file of known hash, a connection each. */
  public static Order requests(String id, String path, String sha256, int count) {
    return of(Verb.REQUESTS, id, path, sha256, count);
  }

  /** Requests for a file of known hash, so many connections a second, until released. */
  public static Order visits(String id, String path, String sha256, int perSecond) {
    return of(Verb.VISITS, id, path, sha256, perSecond);
  }

  /** Requests for a file of known hash on one connection, so many a second, until released. */
  public static Order keepAlive(String id, String path, String sha256, int requestsPerSecond) {
    return of(Verb.KEEP_ALIVE, id, path, sha256, requestsPerSecond);
  }

  /** Sends a payload, shuts down sending, and receives the answer at a pace. */
  public static Order halfClose(String id, long seed, long length, long bytesPerSecond) {
    return of(Verb.HALF_CLOSE, id, seed, length, bytesPerSecond);
  }

  /** Receives until the other side has shut down sending, then sends a payload at a pace. */
  public static Order lateSend(String id, long seed, long length, long bytesPerSecond) {
    return of(Verb.LATE_SEND, id, seed, length, bytesPerSecond);
  }

  /** Lets a task go on as fast as it can, or end. */
  public static Order release(String id) {
    return of(Verb.RELEASE, id);
  }

  /** Reads a line. */
  static Order parse(String line) {
    String[] words = line.split(" ", -1);
    return new Order(Verb.valueOf(words[0]), words[1], List.of(words).subList(2, words.length));
  }

  /** The line. */
  public String line() {
    String start = verb + " " + id;
    return arguments.isEmpty() ? start : start + " " + String.join(" ", arguments);
  }

  String text(int argument) {
    return arguments.get(argument);
  }

  long number(int argument) {
    return Long.parseLong(arguments.get(argument));
  }

  private static Order of(Verb verb, String id, Object... arguments) {
    return new Order(verb, id, List.of(arguments).stream().map(String::valueOf).toList());
  }
}

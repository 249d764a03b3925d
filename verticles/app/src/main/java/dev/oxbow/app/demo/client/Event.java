package dev.oxbow.app.demo.client;

/**
 * What a client tells of a task: one line of words.
 *
 * @param kind what happened
 * @param id of the task
 * @param sent bytes written to its sockets so far
 * @param received bytes read from its sockets so far
 * @param connections that it has made
 * @param port its own on the latest connection
 * @param answers responses that were right, for tasks that make requests
 * @param sha256 of what it received, or of what it sent when the other side has to check; else -
 * @param detail why it failed; else empty
 */
public record Event(
    Kind kind,
    String id,
    long sent,
    long received,
    int connections,
    int port,
    int answers,
    String sha256,
    String detail) {

  private static final int WORDS = 9;

  /** What can happen. */
  public enum Kind {
    /** It goes on. */
    PROGRESS,
    /** It ended and all was right. */
    DONE,
    /** It ended and something was wrong. */
    FAILED
  }

  /** Reads a line. */
  public static Event parse(String line) {
    String[] words = line.split(" ", WORDS);
    return new Event(
        Kind.valueOf(words[0]),
        words[1],
        Long.parseLong(words[2]),
        Long.parseLong(words[3]),
        Integer.parseInt(words[4]),
        Integer.parseInt(words[5]),
        Integer.parseInt(words[6]),
        words[7],
        words[8]);
  }

  /** The line. */
  public String line() {
    return String.join(
        " ",
        kind.name(),
        id,
        Long.toString(sent),
        Long.toString(received),
        Integer.toString(connections),
        Integer.toString(port),
        Integer.toString(answers),
        sha256,
        detail.replace('\n', ' '));
  }

  /** Whether the task has ended. */
  public boolean ended() {
    return kind != Kind.PROGRESS;
  }
}

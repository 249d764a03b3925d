package dev.oxbow.app.demo;

import dev.oxbow.app.console.Units;
import dev.oxbow.app.demo.client.Event;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What came of a client's connections when one node of a pair was killed.
 *
 * @param lagMicros of the link before that
 * @param waited whether the second node refused the session as long as the first one had it
 * @param files what each of the connections asks for, in the order of the others
 * @param ends of the connections
 * @param underWay how many of them were in the middle of it when the node was killed
 * @param resumed connections that the second node says it has taken over
 * @param sourcesBefore where the server saw them come from before the kill
 * @param sourcesAfter likewise, when they had gone on
 * @param calmMs the longest time in which nothing came for each of them before the kill
 * @param stallsMs likewise from the kill on
 * @param bytesAfter what came for each of them in the second after that
 * @param stopped whether the second node stopped in order
 */
record PairOutcome(
    long lagMicros,
    boolean waited,
    List<WebFile> files,
    List<Event> ends,
    int underWay,
    int resumed,
    Set<String> sourcesBefore,
    Set<String> sourcesAfter,
    List<Long> calmMs,
    List<Long> stallsMs,
    List<Long> bytesAfter,
    boolean stopped) {

  /** Far more than it takes: TCP sends again after 0.2, 0.6, 1.4 and 3 s. */
  static final long STALL_MS = 5_000;

  List<Proof> proofs() {
    return List.of(pair(), survival(), stall(), bytes(), orderlyStop());
  }

  long bytesMoved() {
    return ends.stream().mapToLong(end -> end.sent() + end.received()).sum();
  }

  int connections() {
    return ends.stream().mapToInt(Event::connections).sum();
  }

  private Proof pair() {
    return new Proof(
        "pair",
        "Two nodes know of one another, and only one of them has a session",
        waited && lagMicros >= 0,
        String.format(
            Locale.ROOT,
            "a message takes %.1f ms to the partner and back; %s",
            lagMicros / 1e3,
            waited
                ? "the second node's gateway was told that the partner has the session, and waited"
                : "the second node's gateway did not wait"));
  }

  private Proof survival() {
    int count = files.size();
    boolean held =
        underWay == count
            && resumed == count
            && connections() == count
            && sourcesBefore.size() == count
            && sourcesBefore.stream().allMatch(from -> from.startsWith(PairNetwork.SHARED + ":"))
            && sourcesAfter.equals(sourcesBefore);
    return new Proof(
        "survival",
        "Live connections of a killed node go on at the other one",
        held,
        String.format(
            Locale.ROOT,
            "%d of %d connections were taken over; the server saw them come from %s before, and"
                + " from %s after; the client made %d connections in all",
            resumed,
            count,
            sourcesBefore.isEmpty() ? "nowhere" : String.join(", ", sourcesBefore),
            sourcesAfter.equals(sourcesBefore) ? "there" : String.join(", ", sourcesAfter),
            connections()));
  }

  private Proof stall() {
    StringBuilder figures = new StringBuilder();
    for (int i = 0; i < ends.size(); i++) {
      figures.append(
          String.format(
              Locale.ROOT,
              "%s%s: nothing came for %,d ms (%,d ms before the kill), then %s in a second",
              i == 0 ? "" : "; ",
              ends.get(i).id(),
              stallsMs.get(i),
              calmMs.get(i),
              Units.bytes(bytesAfter.get(i))));
    }
    boolean held =
        stallsMs.size() == ends.size()
            && stallsMs.stream().allMatch(stall -> stall > 0 && stall <= STALL_MS)
            && bytesAfter.stream().allMatch(bytes -> bytes > 0);
    return new Proof(
        "stall", "They stand still for a moment, without a reset", held, figures.toString());
  }

  private Proof bytes() {
    int right = 0;
    for (int i = 0; i < ends.size(); i++) {
      right += isRight(ends.get(i), files.get(i)) ? 1 : 0;
    }
    return new Proof(
        "bytes",
        "Every byte arrives, unchanged and in order",
        right == files.size(),
        String.format(
            Locale.ROOT,
            "%s in %d of %d connections as they should be, and %d answers, by SHA-256",
            Units.bytes(bytesMoved()),
            right,
            files.size(),
            ends.stream().mapToInt(Event::answers).sum()));
  }

  /** Who makes requests checks each answer itself. */
  private static boolean isRight(Event end, WebFile file) {
    return end.kind() == Event.Kind.DONE
        && (end.answers() > 0 || end.sha256().equals(file.sha256()));
  }

  private Proof orderlyStop() {
    return new Proof(
        "orderly-stop",
        "The node that is left stops in order",
        stopped,
        stopped ? "service and gateway said so" : "service or gateway did not");
  }
}

package dev.oxbow.app.demo;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * What came of the tenants' datagrams.
 *
 * @param figures of both tenants
 * @param sources for each tenant all that the server saw its datagrams come from
 * @param seen what was captured
 * @param refused clients that found no port, and got no answer
 * @param told whether the gateway said so
 */
record EgressOutcome(
    Figures figures, List<Set<String>> sources, Capture.Seen seen, int refused, boolean told) {
  private static final String PROMISE =
      "What is not TCP leaves from exactly the slice that was asked for, or not at all";

  /**
   * When datagrams may have been lost, by {@link System#nanoTime()}.
   *
   * @param inHands one process was killed and another went on at once: what the one had in its
   *     hands is lost. Otherwise there was nobody at all
   */
  record Gap(boolean inHands, long from, long to) {
    boolean has(long nanos) {
      return nanos - from >= 0 && nanos - to <= 0;
    }
  }

  /**
   * What was sent, and what was not answered.
   *
   * @param lost though nobody was killed meanwhile
   * @param inHands lost in the hands of a process that was killed while another went on
   * @param unserved sent while there was no Fish
   * @param gapsInHands processes that were killed while another went on
   * @param gaps times without a Fish
   */
  record Figures(
      int sent,
      int lost,
      int inHands,
      int unserved,
      int doubled,
      long slowestMs,
      int gapsInHands,
      int gaps) {

    private static final int LOST = 0;
    private static final int IN_HANDS = 1;
    private static final int UNSERVED = 2;

    static Figures of(List<Asker> tenants, List<Gap> gaps) {
      List<Long> unanswered = new ArrayList<>();
      tenants.forEach(tenant -> unanswered.addAll(tenant.unanswered().values()));
      int[] causes = causes(unanswered, gaps);
      int kills = (int) gaps.stream().filter(Gap::inHands).count();
      return new Figures(
          tenants.stream().mapToInt(Asker::sent).sum(),
          causes[LOST],
          causes[IN_HANDS],
          causes[UNSERVED],
          tenants.stream().mapToInt(Asker::doubled).sum(),
          TimeUnit.NANOSECONDS.toMillis(
              tenants.stream().mapToLong(Asker::slowestNanos).max().orElse(0)),
          kills,
          gaps.size() - kills);
    }

    /** How many of what was sent at such times were lost, lost in hands, and unserved. */
    static int[] causes(List<Long> sentAt, List<Gap> gaps) {
      int[] causes = new int[3];
      for (long at : sentAt) {
        List<Gap> around = gaps.stream().filter(gap -> gap.has(at)).toList();
        boolean unserved = around.stream().anyMatch(gap -> !gap.inHands());
        causes[unserved ? UNSERVED : around.isEmpty() ? LOST : IN_HANDS]++;
      }
      return causes;
    }

    int answered() {
      return sent - lost - inHands - unserved;
    }
  }

  /** Instead of it. */
  static Proof notShown(List<String> lacks) {
    return Proof.notShown("egress", PROMISE, lacks);
  }

  Proof proof() {
    int tenants = GatewayAct.TENANTS.size();
    // Each tenant has one datagram under way, so a process has no more of its in its hands.
    boolean nothingLost =
        figures.lost == 0
            && figures.doubled == 0
            && figures.inHands <= tenants * figures.gapsInHands
            && figures.gapsInHands == 1
            && figures.gaps == 1;
    boolean sourcesStay =
        sources.size() == tenants
            && sources.stream().allMatch(one -> one.size() == 1)
            && new HashSet<>(sources).size() == tenants;
    boolean held =
        figures.answered() > 0
            && nothingLost
            && sourcesStay
            && seen.strays().isEmpty()
            && seen.whole()
            && seen.packets() >= figures.answered()
            && refused == 1
            && told;
    return new Proof("egress", PROMISE, held, evidence());
  }

  private String evidence() {
    return String.format(
        Locale.ROOT,
        "%d of %d datagrams of two tenants with equal addresses answered, %d twice, after %d ms at"
            + " most; not answered: %d in the hands of a successor when it was killed, %d while the"
            + " gateway was dead, %d else; the internet saw them come from %s, before the kill and"
            + " after it; %d packets were captured%s, %d of them from elsewhere%s; the fifth"
            + " connection to one server found none of four ports: %s",
        figures.answered(),
        figures.sent,
        figures.doubled,
        figures.slowestMs,
        figures.inHands,
        figures.unserved,
        figures.lost,
        String.join(" and ", sources.stream().map(one -> String.join(", ", one)).toList()),
        seen.packets(),
        seen.whole() ? "" : " (some were missed)",
        seen.strays().size(),
        seen.strays().isEmpty() ? "" : ": " + seen.strays().get(0),
        refused == 1 && told ? "it was dropped and told" : "it was not told");
  }
}

package dev.oxbow.fish.network;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fish.network.EgressNetwork.Plan;
import dev.oxbow.fish.ports.PortSlice;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The rules of nftables with all that was granted filled in, and what loads them. */
public final class Ruleset {
  private static final String TABLE = "oxbow_";
  private static final Pattern POOL =
      Pattern.compile("set pool[46] \\{[^{}]*elements = \\{ ([^ ,{}]+) \\}");

  private Ruleset() {}

  /** The rules as a Fish would load them now in the calling thread's network namespace; blocks. */
  public static String preview(Plan plan) {
    return text(plan, Company.read());
  }

  private static String text(Plan plan, Company company) {
    return OxbowConfig.fishRules()
        .replace("@DEVICE@", plan.device())
        .replace("@MARK@", Integer.toString(plan.mark()))
        .replace("@SLICES4@", elements(plan.slices(), false))
        .replace("@SLICES6@", elements(plan.slices(), true))
        .replace("@POOL4@", plan.pool4().toString())
        .replace("@POOL6@", plan.pool6().toString())
        .replace("@LINK@", link(plan))
        .replace("@ROUTER@", company.router());
  }

  /** Loads the rules in place of those of an earlier life; blocks. */
  static void load(Plan plan, Company company) {
    Command.run(text(plan, company), "nft", "-f", "-");
  }

  /** The pools of an earlier life, as far as its rules tell them; blocks. */
  static List<Prefix> pools(String device) {
    return POOL.matcher(Company.table(TABLE + device))
        .results()
        .map(pool -> Prefix.parse(pool.group(1)))
        .toList();
  }

  /**
   * Removes the rules; blocks.
   *
   * @param last whether no other Fish is in the namespace
   */
  static void remove(String device, boolean last) {
    String common =
        last
            ? "table inet %1$s\ndelete table inet %1$s\n".formatted(Company.TABLE)
            : "delete element inet %s ours { \"%s\" }\n".formatted(Company.TABLE, device);
    String own = TABLE + device;
    Command.run(
        common + "table inet " + own + "\ndelete table inet " + own + "\n", "nft", "-f", "-");
  }

  /** Rules where there is something that no client may reach. */
  private static String link(Plan plan) {
    List<String> rules = new ArrayList<>();
    for (int version : new int[] {4, 6}) {
      String endpoints =
          plan.link().stream()
              .filter(endpoint -> endpoint.address().version() == version)
              .map(Endpoint::toString)
              .distinct()
              .collect(Collectors.joining(", "));
      if (!endpoints.isEmpty()) {
        rules.add(
            "iifname \"%s\" %s daddr . tcp dport { %s } counter drop"
                .formatted(plan.device(), version == 4 ? "ip" : "ip6", endpoints));
      }
    }
    return String.join("\n    ", rules);
  }

  private static String elements(List<PortSlice> slices, boolean six) {
    String elements =
        slices.stream()
            .filter(slice -> (slice.high() != 0) == six)
            .map(
                slice ->
                    Prefix.text(slice.high(), slice.low())
                        + " . "
                        + slice.first()
                        + "-"
                        + slice.last())
            .collect(Collectors.joining(", "));
    return elements.isEmpty() ? "" : "elements = { " + elements + " }";
  }
}

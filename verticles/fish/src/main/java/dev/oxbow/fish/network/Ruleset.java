package dev.oxbow.fish.network;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fish.ports.PortSlice;
import java.util.List;
import java.util.stream.Collectors;

/** The rules of nftables with all that was granted filled in, and what loads them. */
public final class Ruleset {
  private static final String TABLE = "oxbow_";

  private Ruleset() {}

  /** The rules as a Fish would load them now in the calling thread's network namespace; blocks. */
  public static String preview(String device, int mark, List<PortSlice> slices) {
    return text(device, mark, slices, Company.read());
  }

  private static String text(String device, int mark, List<PortSlice> slices, Company company) {
    return OxbowConfig.fishRules()
        .replace("@DEVICE@", device)
        .replace("@MARK@", Integer.toString(mark))
        .replace("@SLICES4@", elements(slices, false))
        .replace("@SLICES6@", elements(slices, true))
        .replace("@ROUTER@", company.router());
  }

  /** Loads the rules in place of those of an earlier life; blocks. */
  static void load(String device, int mark, List<PortSlice> slices, Company company) {
    Command.run(text(device, mark, slices, company), "nft", "-f", "-");
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

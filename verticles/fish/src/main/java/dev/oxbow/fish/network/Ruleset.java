package dev.oxbow.fish.network;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fish.ports.PortSlice;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The rules of nftables with all that was granted filled in, and what loads them. */
public final class Ruleset {
  private static final String TABLE = "oxbow_";

  private Ruleset() {}

  /**
   * The rules as text for {@code nft -f}.
   *
   * @param router whether this machine forwards only because Fish made it, so that everybody else's
   *     packets are not to be forwarded
   */
  public static String text(String device, List<PortSlice> slices, boolean router) {
    return OxbowConfig.fishRules()
        .replace("@DEVICE@", device)
        .replace("@SLICES4@", elements(slices, false))
        .replace("@SLICES6@", elements(slices, true))
        .replace(
            "@ROUTER@",
            router
                ? "iifname != \"%s\" oifname != \"%s\" counter drop".formatted(device, device)
                : "");
  }

  /**
   * The rules as a Fish would load them now in the calling thread's network namespace; blocks.
   *
   * @param directory where an earlier life has noted what the kernel's settings were
   */
  public static String preview(String device, List<PortSlice> slices, Path directory) {
    Settings settings = Settings.open(directory.resolve(device + ".settings"));
    return text(
        device,
        slices,
        settings.before("ipv4/ip_forward").equals("0")
            || settings.before("ipv6/conf/all/forwarding").equals("0"));
  }

  /** Loads the rules in place of those of an earlier life; blocks. */
  static void load(String device, List<PortSlice> slices, boolean router) {
    Command.run(text(device, slices, router), "nft", "-f", "-");
  }

  /** Removes the rules; blocks. */
  static void remove(String device) {
    Command.run(
        "table inet " + TABLE + device + "\ndelete table inet " + TABLE + device + "\n",
        "nft",
        "-f",
        "-");
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

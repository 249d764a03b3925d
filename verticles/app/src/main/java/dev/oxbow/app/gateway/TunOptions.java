package dev.oxbow.app.gateway;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** One tun of a gateway, as the command line describes it. */
public final class TunOptions {
  static final int DEFAULT_MTU = 1500;

  /**
   * Where ip-netns(8) has one file for each name; elsewhere the last part of a path says little.
   */
  private static final Set<Path> NAMED = Set.of(Path.of("/run/netns"), Path.of("/var/run/netns"));

  @Option(
      names = "--tun",
      required = true,
      paramLabel = "NAME",
      description = {
        "Name of a tun: made, or taken over when there is one that nobody uses. May be repeated;"
            + " what follows belongs to it."
      })
  private String name = "";

  @Option(
      names = "--netns",
      paramLabel = "FILE",
      description = {
        "The network namespace that the tun is in, such as /run/netns/tenant or /proc/PID/ns/net"
            + " (default: that of the gateway)."
      })
  private @Nullable Path netns;

  @Option(
      names = "--address",
      paramLabel = "ADDR/BITS",
      converter = Prefix.Converter.class,
      description = "An address for the tun, IPv4 or IPv6. May be repeated.")
  private List<Prefix> addresses = new ArrayList<>();

  @Option(
      names = "--mtu",
      paramLabel = "BYTES",
      description = "Largest packet, 576 to 65535; IPv6 needs 1280 (default: 1500).")
  private int mtu = DEFAULT_MTU;

  String name() {
    return name;
  }

  @Nullable Path netns() {
    return netns;
  }

  List<Prefix> addresses() {
    return addresses;
  }

  int mtu() {
    return mtu;
  }

  /** What it is called in logs and to find it again: the namespace's name, and its own. */
  String label() {
    if (netns == null) {
      return name;
    }
    Path file = netns.toAbsolutePath().normalize();
    boolean named = NAMED.contains(file.getParent());
    return (named ? file.getFileName() : file) + "/" + name;
  }
}

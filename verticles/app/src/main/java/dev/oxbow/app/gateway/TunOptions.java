package dev.oxbow.app.gateway;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** One tun of a gateway, as the command line describes it. */
public final class TunOptions {
  static final int DEFAULT_MTU = 1500;

  /** Ends the name of the tun beside. */
  private static final String EGRESS = "-out";

  /** IFNAMSIZ without the zero: include/uapi/linux/if.h. */
  private static final int MOST_CHARACTERS = 15;

  private static final Pattern NAME = Pattern.compile("[ -~]{1,128}");

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

  @Option(
      names = "--egress",
      paramLabel = "ADDR:PORTS",
      converter = Slice.Converter.class,
      description = {
        "What is not TCP leaves from this address and these ports, by Fish: DNS, QUIC, ping,"
            + " traceroute. Such as 203.0.113.7:20000-20999; may be repeated, for IPv6, too. Needs"
            + " --netns: there it gets a tun of its own, and rules of ip-rule(8) at 7700."
      })
  private List<Slice> egress = new ArrayList<>();

  @Option(
      names = "--egress-tcp",
      description = "TCP leaves so, too: everything does, and Bumblebee has no part in it.")
  private boolean egressTcp;

  @Option(
      names = "--resume",
      paramLabel = "NAME",
      description = {
        "What Fish knows its session by, to go on with its connections (default: namespace and"
            + " tun). With a pair of Fish (--fish) give it on both nodes, with the same --app: the"
            + " second gateway waits until its Fish holds the first node for lost, and goes on."
      })
  private @Nullable String resume;

  String name() {
    return name;
  }

  /** Where its packets leave from by a Fish; none: they do not. */
  List<Slice> egress() {
    return egress;
  }

  /** Whether TCP leaves by a Fish, too. */
  boolean egressTcp() {
    return egressTcp;
  }

  /** What a Fish knows its session by. */
  String resume() {
    return resume == null ? label() : resume;
  }

  /** The name of the tun whose packets leave by a Fish. */
  String egressName() {
    return egressTcp ? name : name + EGRESS;
  }

  /** What is wrong with it, or null. */
  @Nullable String problem() {
    if (egressTcp && egress.isEmpty()) {
      return "--egress-tcp needs --egress";
    }
    if (!egress.isEmpty() && !egressTcp && netns == null) {
      return "--egress needs --netns: else what leaves would be routed back";
    }
    if (resume != null && egress.isEmpty()) {
      return "--resume needs --egress";
    }
    if (resume != null && !NAME.matcher(resume).matches()) {
      return "--resume is '" + resume + "'; expected 1 to 128 printable ASCII characters";
    }
    if (egressName().length() > MOST_CHARACTERS) {
      return "--tun " + name + ": with --egress at most 11 characters";
    }
    return null;
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

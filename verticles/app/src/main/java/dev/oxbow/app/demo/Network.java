package dev.oxbow.app.demo;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Network namespaces with veth pairs between them. Those of the plain demo are three in a row, and
 * two of tenants, whose way out is a gateway's tun; those of a pair are in {@link PairNetwork}.
 *
 * <pre>
 * clients 198.51.100.2 --- 198.51.100.1 proxy 203.0.113.1 --- 203.0.113.2 origin
 * </pre>
 */
final class Network {
  static final String PROXY_ADDRESS = "198.51.100.1";
  static final String UPSTREAM_ADDRESS = "203.0.113.1";
  static final String ORIGIN_ADDRESS = "203.0.113.2";
  static final String ORIGIN_ADDRESS_6 = "2001:db8:71::2";

  private static final String CLIENT_ADDRESS = "198.51.100.2";
  private static final String UPSTREAM_ADDRESS_6 = "2001:db8:71::1";
  private static final String PREFIX = "oxbow-demo-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d+)-\\w+");
  private static final List<Path> DIRECTORIES =
      List.of(Path.of("/run/netns"), Path.of("/var/run/netns"));

  private final Path ip;

  private Network(Path ip) {
    this.ip = ip;
  }

  /**
   * Makes namespaces without links, after removing those of demos that were killed.
   *
   * @throws MissingException when this process may not
   */
  static Network open(Path ip, List<Place> places, Cleanup cleanup) throws InterruptedException {
    Network network = new Network(ip);
    network.removeOrphans();
    for (Place place : places) {
      cleanup.add(() -> network.remove(place.namespace()));
      network.make("netns", "add", place.namespace());
      network.make("-n", place.namespace(), "link", "set", "lo", "up");
    }
    return network;
  }

  /** Makes what the plain demo is played on. */
  static Network open(Path ip, Cleanup cleanup) throws InterruptedException {
    List<Place> places =
        List.of(Place.CLIENTS, Place.PROXY, Place.ORIGIN, Place.TENANT_A, Place.TENANT_B);
    Network network = open(ip, places, cleanup);
    network.connect(Place.CLIENTS, CLIENT_ADDRESS, Place.PROXY, PROXY_ADDRESS);
    network.connect(Place.PROXY, UPSTREAM_ADDRESS, Place.ORIGIN, ORIGIN_ADDRESS);
    network.in(Place.ORIGIN, "route", "add", EgressAct.ADDRESS, "via", UPSTREAM_ADDRESS);
    if (hasIpv6()) {
      network.raise6(Place.PROXY, "to-origin", UPSTREAM_ADDRESS_6);
      network.raise6(Place.ORIGIN, "to-proxy", ORIGIN_ADDRESS_6);
    }
    return network;
  }

  /** Whether this kernel has IPv6. */
  static boolean hasIpv6() {
    return Files.exists(Path.of("/proc/net/if_inet6"));
  }

  /** One of the namespaces. */
  enum Place {
    CLIENTS,
    PROXY,
    ORIGIN,
    TENANT_A,
    TENANT_B,
    INSIDE_A,
    INSIDE_B,
    EDGE_A,
    EDGE_B;

    String namespace() {
      return PREFIX + ProcessHandle.current().pid() + "-" + lowerCase();
    }

    String lowerCase() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The command that runs another one in a namespace; the process stays the same. */
  List<String> inside(Place place, List<String> command) {
    List<String> whole =
        new ArrayList<>(List.of(ip.toString(), "netns", "exec", place.namespace()));
    whole.addAll(command);
    return whole;
  }

  /** Wires two, with one address at each end. */
  void connect(Place left, String leftAddress, Place right, String rightAddress)
      throws InterruptedException {
    String leftDevice = "to-" + right.lowerCase();
    String rightDevice = "to-" + left.lowerCase();
    make(
        "link",
        "add",
        leftDevice,
        "netns",
        left.namespace(),
        "type",
        "veth",
        "peer",
        "name",
        rightDevice,
        "netns",
        right.namespace());
    raise(left, leftDevice, leftAddress);
    raise(right, rightDevice, rightAddress);
  }

  private void raise(Place place, String device, String address) throws InterruptedException {
    make("-n", place.namespace(), "address", "add", address + "/24", "dev", device);
    make("-n", place.namespace(), "link", "set", device, "up");
  }

  private void raise6(Place place, String device, String address) throws InterruptedException {
    make("-n", place.namespace(), "address", "add", address + "/64", "dev", device, "nodad");
  }

  /** Leads all ways out of a namespace into a tun. */
  void routeInto(Place place, String tun) throws InterruptedException {
    make("-n", place.namespace(), "route", "add", "default", "dev", tun);
    make("-n", place.namespace(), "-6", "route", "add", "default", "dev", tun);
  }

  /** One of the namespaces, for threads of this process. */
  static Namespace enter(Place place) {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    return Namespace.adopt(Descriptor.adopt(Syscalls.open(file(place).toString(), flags, 0)));
  }

  /** The file of a namespace. */
  static Path file(Place place) {
    return DIRECTORIES.stream()
        .map(directory -> directory.resolve(place.namespace()))
        .filter(Files::exists)
        .findFirst()
        .orElseThrow();
  }

  /** ip(8) in one of the namespaces. */
  void in(Place place, String... arguments) throws InterruptedException {
    List<String> all = new ArrayList<>(List.of("-n", place.namespace()));
    all.addAll(List.of(arguments));
    make(all.toArray(String[]::new));
  }

  /** Sets a number below {@code /proc/sys/net} of one of the namespaces. */
  void set(Place place, String key, int value) throws InterruptedException {
    String script = "echo " + value + " > /proc/sys/net/" + key;
    Shell.Result result = Shell.run(inside(place, List.of("/bin/sh", "-c", script)));
    if (!result.ok()) {
      throw new MissingException("The demo cannot set net/" + key + ": " + result.text());
    }
  }

  private void make(String... arguments) throws InterruptedException {
    Shell.Result result = ip(arguments);
    if (!result.ok()) {
      throw new MissingException(
          "The demo cannot make its network namespaces: ip "
              + String.join(" ", arguments)
              + ": "
              + result.text()
              + ". It needs the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN; a container has them"
              + " when it is started with --privileged.");
    }
  }

  private Shell.Result ip(String... arguments) throws InterruptedException {
    List<String> command = new ArrayList<>(List.of(ip.toString()));
    command.addAll(List.of(arguments));
    return Shell.run(command);
  }

  /** Ends what still runs in a namespace of ours, and removes it. */
  private void remove(String namespace) throws InterruptedException {
    if (DIRECTORIES.stream().noneMatch(directory -> Files.exists(directory.resolve(namespace)))) {
      return;
    }
    for (String pid : ip("netns", "pids", namespace).text().split("\\s+", -1)) {
      if (pid.matches("\\d+")) {
        ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
      }
    }
    ip("netns", "del", namespace);
  }

  /** Names carry the demo's pid: those of pids that are gone belong to nobody. */
  private void removeOrphans() throws InterruptedException {
    for (String namespace : namespaces()) {
      Matcher matcher = NAME.matcher(namespace);
      if (matcher.matches() && ProcessHandle.of(Long.parseLong(matcher.group(1))).isEmpty()) {
        remove(namespace);
      }
    }
  }

  private static List<String> namespaces() {
    Path directory = Files.exists(DIRECTORIES.get(0)) ? DIRECTORIES.get(0) : DIRECTORIES.get(1);
    try (var files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}

package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * All IPv4 packets that reach the origin, but for the proxy's own TCP, by tcpdump: a program that
 * knows nothing of us. Blocking.
 */
final class Capture {
  private static final long START_SECONDS = 10;
  private static final Pattern PACKET =
      Pattern.compile(" IP ([0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+)(?:\\.([0-9]+))? > ");

  private final Child tcpdump;
  private final Path file;

  /**
   * What was seen.
   *
   * @param packets how many
   * @param strays lines of packets that did not come from the slice
   * @param whole whether tcpdump says that it missed none
   */
  record Seen(int packets, List<String> strays, boolean whole) {}

  private Capture(Child tcpdump, Path file) {
    this.tcpdump = tcpdump;
    this.file = file;
  }

  static Optional<Path> find() {
    return Tools.find("tcpdump");
  }

  /** Starts it and waits until it sees everything. */
  static Capture start(Stage stage) throws InterruptedException {
    Path file = stage.folder().resolve("captured.txt");
    // What the origin itself sends must not get as far as tcpdump: it would not keep up.
    String filter =
        String.format(
            "ip and not src host %s and not (tcp and src host %s)",
            Network.ORIGIN_ADDRESS, Network.UPSTREAM_ADDRESS);
    List<String> command =
        List.of(find().orElseThrow().toString(), "-n", "-l", "-Q", "in", "-i", "to-proxy", filter);
    Child tcpdump =
        stage.start(
            "capture", Network.Place.ORIGIN, command, ProcessBuilder.Redirect.to(file.toFile()));
    tcpdump.await("the capture", START_SECONDS, () -> tcpdump.said("listening on"));
    return new Capture(tcpdump, file);
  }

  /**
   * Ends it when it has so many packets at least, or soon.
   *
   * @param inSlice whether a packet may come from an address and port; port -1: it has none
   */
  Seen end(int least, Predicate<Source> inSlice) throws InterruptedException, IOException {
    tcpdump.await("the capture", START_SECONDS, () -> lines().size() >= least);
    boolean unused = tcpdump.stop();
    List<String> lines = lines();
    List<String> strays = lines.stream().filter(line -> !inSlice.test(source(line))).toList();
    return new Seen(lines.size(), strays, tcpdump.said("\n0 packets dropped by kernel"));
  }

  /**
   * Where a packet came from.
   *
   * @param address empty when the line does not tell
   * @param port -1 where there is none, as with ICMP
   */
  record Source(String address, int port) {}

  /** What a line of tcpdump's tells. */
  static Source source(String line) {
    Matcher matcher = PACKET.matcher(line);
    if (!matcher.find()) {
      return new Source("", -1);
    }
    String port = matcher.group(2);
    return new Source(matcher.group(1), port == null ? -1 : Integer.parseInt(port));
  }

  private List<String> lines() {
    try {
      // The last words of tcpdump are an empty line.
      return Files.readAllLines(file).stream().filter(line -> !line.isBlank()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

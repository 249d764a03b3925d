package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.bumblebee.tunnel.ClientNetwork;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fdpassing.testing.TestPeer;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One tunnel carries connection after connection and is as before. */
@DescriptorLeaks
@RequiresRoot
@Timeout(600)
class ShortConnectionsTest {

  /**
   * How many: {@code -Doxbow.connections=100000}. A quarter of them comes before it is measured.
   */
  private static final int CONNECTIONS = Integer.getInteger("oxbow.connections", 4_000);

  private static final int AT_ONCE = 40;

  /** So that the client's own ports are not used up by those in TIME_WAIT. */
  private static final int DESTINATIONS = 250;

  private static final byte[] BYTE = {7};
  private static final long HEAP_SLACK_BYTES = 1 << 20;
  private static final long RESIDENT_SLACK_BYTES = 32 << 20;

  /** A lost event is made up for by the next census, a minute later. */
  private static final long PATIENCE_NANOS = 130_000_000_000L;

  @TempDir Path folder;
  private int made;

  /**
   * What a process holds.
   *
   * @param heapBytes that are reachable
   * @param descriptors but for what the JVM opens for a moment
   */
  private record Footprint(long heapBytes, long residentBytes, long descriptors) {

    static Footprint of(long pid) throws IOException, InterruptedException {
      String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
      Process histogram =
          new ProcessBuilder(jcmd, Long.toString(pid), "GC.class_histogram")
              .redirectErrorStream(true)
              .start();
      byte[] output = histogram.getInputStream().readAllBytes();
      List<String> lines = new String(output, StandardCharsets.UTF_8).lines().toList();
      assertThat(histogram.waitFor()).as(String.valueOf(lines)).isZero();
      String[] total = lines.get(lines.size() - 1).strip().split("\\s+", -1);
      assertThat(total[0]).isEqualTo("Total");
      return new Footprint(Long.parseLong(total[2]), resident(pid), descriptorsOf(pid));
    }

    private static long resident(long pid) throws IOException {
      return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.split("\\s+", -1)[1]) << 10)
          .findFirst()
          .orElseThrow();
    }
  }

  private static long descriptorsOf(long pid) throws IOException {
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return links.count();
    }
  }

  @Test
  void tableIsEmptyAndMemoryIsFlatAfterManyOfThem() throws Exception {
    String sections = "bumblebee: {loops: 2, maxTunnels: 64}\n";
    Path cache = Path.of("target", "cache").toAbsolutePath();
    Map<String, String> environment = Map.of("OXBOW_CACHE", cache.toString());
    Path jar = OxbowProcess.builtJar();
    try (OxbowProcess service =
            OxbowProcess.start(folder, "a", sections, jar, List.of(), environment).awaitServing();
        ControlPeer control =
            ControlPeer.connect(service.runtimeDir().resolve("bumblebee.sock")).hello("a", false);
        ClientNetwork client = new ClientNetwork(1500, true)) {
      String request = "{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]}";
      assertThat(control.ask(request, client.tun().descriptor()).containsKey("tunnel")).isTrue();
      carry(client, control, CONNECTIONS / 4);
      awaitEmpty(control);
      Footprint before = Footprint.of(service.pid());
      long began = System.nanoTime();
      carry(client, control, CONNECTIONS - made);
      double seconds = (System.nanoTime() - began) / 1e9;
      awaitEmpty(control);
      Footprint after = Footprint.of(service.pid());
      System.out.printf("%d connections, %.1f s: %s -> %s%n", made, seconds, before, after);
      JsonObject stats = control.stats();
      assertThat(stats.getInteger("accepted")).isEqualTo(CONNECTIONS);
      assertThat(stats.getInteger("refused")).isZero();
      assertThat(stats.getInteger("devices")).isEqualTo(1);
      assertThat(stats.getJsonObject("packets").getInteger("dropped")).isZero();
      assertThat(after.heapBytes()).isLessThan(before.heapBytes() + HEAP_SLACK_BYTES);
      assertThat(after.residentBytes()).isLessThan(before.residentBytes() + RESIDENT_SLACK_BYTES);
      Await.until("no descriptor is left", () -> descriptors(service) <= before.descriptors());
    }
  }

  private static long descriptors(OxbowProcess service) {
    try {
      return descriptorsOf(service.pid());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The kernel has forgotten all of them, and so has the table. */
  private static void awaitEmpty(ControlPeer control) {
    Await.until(
        "the table is empty",
        PATIENCE_NANOS,
        () -> control.stats().getInteger("tunnelConnections") == 0);
  }

  /** Connections that carry a byte each way. The client closes first, so TIME_WAIT is there. */
  private void carry(ClientNetwork client, ControlPeer control, int count) {
    for (int end = made + count; made < end; ) {
      int some = Math.min(AT_ONCE, end - made);
      List<Descriptor> connecting = new ArrayList<>();
      for (int i = 0; i < some; i++) {
        connecting.add(client.connecting("10.1.1." + (1 + made++ % DESTINATIONS), 443, 0));
      }
      List<TestPeer> insides = connecting.stream().map(ClientNetwork::connected).toList();
      List<TestPeer> outsides = new ArrayList<>();
      for (int i = 0; i < some; i++) {
        outsides.add(new TestPeer(control.event().descriptors().get(0)));
      }
      insides.forEach(inside -> inside.write(BYTE));
      for (TestPeer outside : outsides) {
        assertThat(outside.read(1)).isEqualTo(BYTE);
        outside.write(BYTE);
      }
      for (TestPeer inside : insides) {
        assertThat(inside.read(1)).isEqualTo(BYTE);
        inside.close();
      }
      for (TestPeer outside : outsides) {
        assertThat(outside.readAll()).isEmpty();
        outside.close();
      }
    }
  }
}

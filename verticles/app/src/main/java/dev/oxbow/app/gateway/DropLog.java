package dev.oxbow.app.gateway;

import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import io.vertx.core.Future;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says now and then how many packets went no further, and why. One thread at a time. */
final class DropLog {
  private static final Logger log = LoggerFactory.getLogger(DropLog.class);

  /** Milliseconds between two looks. */
  static final long INTERVAL_MS = 10_000;

  private final Bumblebee bumblebee;
  private final Map<String, Map<String, Long>> before = new HashMap<>();

  DropLog(Bumblebee bumblebee) {
    this.bumblebee = bumblebee;
  }

  /** Looks, and writes a line for each tunnel that dropped some since the last look. */
  Future<?> look() {
    return bumblebee
        .list(null, Bumblebee.MAX_PAGE)
        .onSuccess(page -> page.tunnels().forEach(this::compare))
        .onFailure(e -> log.debug("no list of the tunnels: {}", e.getMessage()));
  }

  private void compare(TunnelPage.Entry tunnel) {
    Map<String, Long> last = before.getOrDefault(tunnel.tunnel(), Map.of());
    Map<String, Long> more = new TreeMap<>();
    tunnel
        .dropped()
        .forEach(
            (why, count) -> {
              long rise = count - last.getOrDefault(why, 0L);
              if (rise > 0) {
                more.put(why, rise);
              }
            });
    before.put(tunnel.tunnel(), tunnel.dropped());
    if (!more.isEmpty()) {
      log.info("{}: dropped {}", Gateway.label(tunnel.metadata().toString()), text(more));
    }
  }

  private static String text(Map<String, Long> counts) {
    return counts.entrySet().stream()
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }
}

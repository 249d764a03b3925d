package dev.oxbow.app.gateway;

import dev.oxbow.bumblebee.Bumblebee;
import dev.oxbow.bumblebee.TunnelPage;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
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

  private final String app;
  private Map<String, Map<String, Long>> before = new HashMap<>();
  private boolean frozen;

  /**
   * @param app whose tunnels are looked at
   */
  DropLog(String app) {
    this.app = app;
  }

  /** Looks, and writes a line for each tunnel that dropped some since the last look. */
  Future<?> look(Bumblebee bumblebee) {
    return TunnelPage.all(bumblebee)
        .onSuccess(
            tunnels -> {
              if (!frozen) {
                lines(tunnels).forEach(log::info);
              }
            })
        .onFailure(e -> log.debug("no list of the tunnels: {}", e.getMessage()));
  }

  /** Says nothing until {@link #thaw()}: another process may, and it tells what came meanwhile. */
  void freeze() {
    frozen = true;
  }

  /** Goes on. */
  void thaw() {
    frozen = false;
  }

  /** What was told so far, by tunnel and by why. */
  Map<String, Map<String, Long>> told() {
    return before;
  }

  /** Another process has told so much of a tunnel. */
  void told(String tunnel, Map<String, Long> counts) {
    before.put(tunnel, counts);
  }

  /**
   * A line for each tunnel of the app that dropped some since the last look; those that have ended
   * are forgotten.
   *
   * @param tunnels all that live, perhaps with those of others
   */
  List<String> lines(List<TunnelPage.Entry> tunnels) {
    Map<String, Map<String, Long>> now = new HashMap<>();
    List<String> lines = new ArrayList<>();
    for (TunnelPage.Entry tunnel : tunnels) {
      if (Gateway.isOf(app, tunnel.metadata())) {
        Map<String, Long> more = since(before.getOrDefault(tunnel.tunnel(), Map.of()), tunnel);
        now.put(tunnel.tunnel(), tunnel.packets().dropped());
        if (!more.isEmpty()) {
          lines.add(Gateway.label(tunnel.metadata()) + ": dropped " + text(more));
        }
      }
    }
    before = now;
    return lines;
  }

  private static Map<String, Long> since(Map<String, Long> last, TunnelPage.Entry tunnel) {
    Map<String, Long> more = new TreeMap<>();
    tunnel
        .packets()
        .dropped()
        .forEach(
            (why, count) -> {
              long rise = count - last.getOrDefault(why, 0L);
              if (rise > 0) {
                more.put(why, rise);
              }
            });
    return more;
  }

  private static String text(Map<String, Long> counts) {
    return counts.entrySet().stream()
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }
}

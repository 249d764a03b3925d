package dev.oxbow.app.status;

import dev.oxbow.app.console.TextTable;
import dev.oxbow.app.console.Units;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.splicer.RelayPage;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Snapshots as text. Remembers the one before, for rates. One thread. */
final class StatusTable {
  private static final int METADATA_CHARS = 40;
  private static final double NANOS_PER_SECOND = 1e9;

  private final int limit;
  private Map<String, Long> bytesBefore = Map.of();
  private @Nullable Snapshot before;

  /**
   * @param limit rows of relays at most
   */
  StatusTable(int limit) {
    this.limit = limit;
  }

  /** Counters first, then relays: the oldest, as many as the limit allows. */
  String show(Snapshot snapshot) {
    StringBuilder text = new StringBuilder();
    TextTable counters = new TextTable("lr");
    appendCounters(counters, "", snapshot.stats());
    text.append(counters).append('\n');
    List<RelayPage.Entry> relays = snapshot.relays();
    text.append(headline(relays.size(), "relay"));
    if (!relays.isEmpty()) {
      text.append(relayTable(snapshot));
    }
    remember(snapshot);
    return text.toString();
  }

  /** The same of a Bumblebee. */
  String show(TunnelSnapshot snapshot) {
    return show(
        snapshot.stats(),
        "tunnel",
        "CONNECTIONS",
        snapshot.tunnels(),
        tunnel ->
            new Carried(
                tunnel.tunnel(),
                tunnel.connections(),
                tunnel.packets().in(),
                tunnel.packets().out(),
                tunnel.packets().dropped(),
                tunnel.ageMs(),
                tunnel.idleMs(),
                tunnel.metadata()));
  }

  /** The same of a Fish. */
  String show(SessionSnapshot snapshot) {
    return show(
        snapshot.stats(),
        "session",
        "FLOWS",
        snapshot.sessions(),
        session ->
            new Carried(
                session.session(),
                session.flows(),
                session.packets().in(),
                session.packets().out(),
                session.packets().dropped(),
                session.ageMs(),
                session.idleMs(),
                session.metadata()));
  }

  /** A row of what carries packets. */
  private record Carried(
      String id,
      long connections,
      long in,
      long out,
      Map<String, Long> dropped,
      long ageMs,
      long idleMs,
      RawJson metadata) {}

  private <T> String show(
      JsonObject stats, String kind, String connections, List<T> live, Function<T, Carried> row) {
    StringBuilder text = new StringBuilder();
    TextTable counters = new TextTable("lr");
    appendCounters(counters, "", stats);
    text.append(counters).append('\n').append(headline(live.size(), kind));
    if (!live.isEmpty()) {
      TextTable table = new TextTable("lrrrrrrl");
      String id = kind.toUpperCase(Locale.ROOT);
      table.row(id, connections, "IN", "OUT", "DROPPED", "AGE", "IDLE", "METADATA");
      for (T each : live.subList(0, Math.min(limit, live.size()))) {
        Carried shown = row.apply(each);
        long dropped = shown.dropped.values().stream().mapToLong(Long::longValue).sum();
        table.row(
            shown.id,
            Long.toString(shown.connections),
            Long.toString(shown.in),
            Long.toString(shown.out),
            Long.toString(dropped),
            Units.duration(shown.ageMs),
            Units.duration(shown.idleMs),
            shortened(shown.metadata.toString()));
      }
      text.append(table);
    }
    return text.toString();
  }

  private String headline(int count, String what) {
    String most = count > limit ? ", the oldest " + limit + " of them" : "";
    return count + " live " + what + (count == 1 ? "" : "s") + most + "\n";
  }

  private TextTable relayTable(Snapshot snapshot) {
    TextTable table = new TextTable("lrrrrrl");
    table.row("RELAY", "A TO B", "B TO A", "RATE", "AGE", "IDLE", "METADATA");
    for (RelayPage.Entry relay : snapshot.relays().subList(0, shown(snapshot))) {
      table.row(
          relay.relay(),
          Units.bytes(relay.bytesAToB()),
          Units.bytes(relay.bytesBToA()),
          rate(snapshot, relay),
          Units.duration(relay.ageMs()),
          Units.duration(relay.idleMs()),
          shortened(relay.metadata().toString()));
    }
    return table;
  }

  private int shown(Snapshot snapshot) {
    return Math.min(limit, snapshot.relays().size());
  }

  private String rate(Snapshot snapshot, RelayPage.Entry relay) {
    Long earlier = bytesBefore.get(relay.relay());
    if (before == null || earlier == null) {
      return "-";
    }
    double seconds = (snapshot.takenNanos() - before.takenNanos()) / NANOS_PER_SECOND;
    return Units.bytes((long) ((total(relay) - earlier) / seconds)) + "/s";
  }

  private void remember(Snapshot snapshot) {
    before = snapshot;
    bytesBefore = new HashMap<>();
    snapshot.relays().forEach(relay -> bytesBefore.put(relay.relay(), total(relay)));
  }

  private static long total(RelayPage.Entry relay) {
    return relay.bytesAToB() + relay.bytesBToA();
  }

  /** Nested objects become dotted names; counters of bytes get units. */
  private static void appendCounters(TextTable table, String prefix, JsonObject counters) {
    for (Map.Entry<String, Object> counter : counters) {
      String name = prefix + counter.getKey();
      if (counter.getValue() instanceof JsonObject nested) {
        appendCounters(table, name + ".", nested);
      } else if (counter.getValue() instanceof Number number
          && (counter.getKey().equals("bytes") || counter.getKey().endsWith("Bytes"))) {
        table.row(name, Units.bytes(number.longValue()));
      } else {
        table.row(name, counter.getValue() == null ? "-" : counter.getValue().toString());
      }
    }
  }

  private static String shortened(String metadata) {
    return metadata.length() <= METADATA_CHARS
        ? metadata
        : metadata.substring(0, METADATA_CHARS - 3) + "...";
  }
}

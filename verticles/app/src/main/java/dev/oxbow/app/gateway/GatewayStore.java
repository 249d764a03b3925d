package dev.oxbow.app.gateway;

import dev.oxbow.app.forward.Attempts;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.handoff.cargo.Cargo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A gateway on its way to another process. Loop thread only. */
final class GatewayStore {
  private static final String CARGO = "gateway";
  private static final String TUN = "tun";
  private static final String CLIENT = "client";
  private static final String DESTINATION = "destination";
  private static final String DROPPED = "dropped";
  private static final String TUNNEL = "tunnel";
  private static final String COUNTS = "counts";

  private GatewayStore() {}

  /** Lends the sockets of what is being connected, and describes it and what was told of drops. */
  static Cargo export(Gateway gateway) {
    Cargo cargo = new Cargo();
    List<MessageWriter> records = new ArrayList<>();
    gateway.tuns().forEach(tun -> records.add(Attempts.record(TUN).string(TUN, tun)));
    gateway
        .drops()
        .told()
        .forEach(
            (tunnel, counts) -> {
              MessageWriter record = Attempts.record(DROPPED).string(TUNNEL, tunnel).object(COUNTS);
              counts.forEach(record::number);
              records.add(record.end());
            });
    gateway.attempts().export(cargo, records);
    return cargo.records(CARGO, records);
  }

  /** Describes what is to be done for a client. */
  static void write(MessageWriter record, String client, String tun, String destination) {
    record.string(CLIENT, client).string(TUN, tun).string(DESTINATION, destination);
  }

  /**
   * Takes over what another process has described; the gateway is frozen.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  static void restore(Gateway gateway, Cargo cargo) {
    List<Message> records = cargo.records(CARGO);
    List<String> theirs =
        Attempts.records(records, TUN).stream().map(record -> record.string(TUN)).toList();
    if (!theirs.equals(gateway.tuns())) {
      throw new IllegalArgumentException(
          "--tun is " + gateway.tuns() + ", and the process before has " + theirs);
    }
    for (Message record : Attempts.records(records, DROPPED)) {
      gateway.drops().told(record.string(TUNNEL), counts(record.member(COUNTS)));
    }
    gateway
        .attempts()
        .restore(
            cargo,
            records,
            (record, client) ->
                Gateway.errand(
                    client, record.string(CLIENT), record.string(TUN), record.string(DESTINATION)));
  }

  private static Map<String, Long> counts(Message record) {
    Map<String, Long> counts = new TreeMap<>();
    for (String why : record.names()) {
      counts.put(why, record.integer(why, 0, Long.MAX_VALUE));
    }
    return counts;
  }
}

package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.splicer.SpliceReport.End;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From the message {@code finished} to a report. */
final class ReportReader {
  private ReportReader() {}

  /** Reads a report, which owns the descriptors from then on. */
  static SpliceReport read(Message event, List<Descriptor> descriptors) {
    List<String> names = event.strings("fds");
    Map<String, Descriptor> named = new HashMap<>();
    for (int i = 0; i < names.size(); i++) {
      named.put(names.get(i), descriptors.get(i));
    }
    Message bytes = member(event, "bytes");
    String endedBy = event.string("endedBy", null);
    return new SpliceReport(
        event.string("relay"),
        EndReason.of(event.string("reason")),
        endedBy == null ? null : endedBy.equals("a") ? Side.A : Side.B,
        event.string("errno", null),
        bytes.integer("aToB", 0, Long.MAX_VALUE),
        bytes.integer("bToA", 0, Long.MAX_VALUE),
        event.integer("durationMs", 0, Long.MAX_VALUE),
        event.metadata(),
        end(event, "a", "aToB", named),
        end(event, "b", "bToA", named));
  }

  private static End end(
      Message event, String name, String direction, Map<String, Descriptor> named) {
    Message endpoint = member(event, "endpoints").object(name);
    Message info = member(event, "tcpInfo").object(name);
    Message undelivered = event.object("undelivered");
    Descriptor socket = named.get(name);
    if (socket == null) {
      throw RequestException.badDescriptor(name, "missing");
    }
    return new End(
        socket,
        endpoint == null ? null : endpoint.string("local"),
        endpoint == null ? null : endpoint.string("peer"),
        info == null ? null : tcpInfo(info),
        undelivered == null ? 0 : undelivered.integer(direction, 0, Long.MAX_VALUE),
        named.get(direction));
  }

  private static TcpInfo tcpInfo(Message info) {
    Map<String, Long> fields = new HashMap<>();
    for (String field : info.names()) {
      fields.put(field, info.number(field).longValue());
    }
    return TcpInfo.of(fields);
  }

  /** An object that must be there. */
  static Message member(Message message, String name) {
    @Nullable Message member = message.object(name);
    if (member == null) {
      throw RequestException.badField(name, "missing; expected an object");
    }
    return member;
  }

  /** Counters as JSON: numbers and objects of numbers. */
  static JsonObject json(Message message) {
    JsonObject json = new JsonObject();
    for (String name : message.names()) {
      json.put(name, message.isObject(name) ? json(member(message, name)) : message.number(name));
    }
    return json;
  }
}

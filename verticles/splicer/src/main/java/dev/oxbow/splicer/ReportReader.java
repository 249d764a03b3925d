package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.client.Attached;
import dev.oxbow.splicer.SpliceReport.End;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** From the message {@code finished} to a report. */
final class ReportReader {
  private ReportReader() {}

  /** Reads a report, which owns the descriptors from then on. */
  static SpliceReport read(Message event, List<Descriptor> descriptors) {
    Attached attached = new Attached(event, descriptors);
    Message bytes = event.member("bytes");
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
        end(event, "a", "aToB", attached),
        end(event, "b", "bToA", attached));
  }

  private static End end(Message event, String name, String direction, Attached attached) {
    Message endpoint = event.member("endpoints").object(name);
    Message info = event.member("tcpInfo").object(name);
    Message undelivered = event.object("undelivered");
    return new End(
        attached.require(name),
        endpoint == null ? null : endpoint.string("local"),
        endpoint == null ? null : endpoint.string("peer"),
        info == null ? null : tcpInfo(info),
        undelivered == null ? 0 : undelivered.integer(direction, 0, Long.MAX_VALUE),
        attached.get(direction));
  }

  private static TcpInfo tcpInfo(Message info) {
    Map<String, Long> fields = new HashMap<>();
    for (String field : info.names()) {
      fields.put(field, info.number(field).longValue());
    }
    return TcpInfo.of(fields);
  }
}

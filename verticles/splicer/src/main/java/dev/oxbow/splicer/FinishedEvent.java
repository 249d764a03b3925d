package dev.oxbow.splicer;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.mailbox.Event;
import dev.oxbow.service.quota.Account;
import dev.oxbow.splicer.SpliceReport.End;
import dev.oxbow.splicer.relay.EndReason;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The event {@code finished}: a report on its way to the app. */
record FinishedEvent(SpliceReport report) implements Event {

  /** What the message says behind {@code event}. */
  static final String NAME = "finished";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> names() {
    List<String> names = new ArrayList<>(List.of("a", "b"));
    if (report.a().undelivered() != null) {
      names.add("aToB");
    }
    if (report.b().undelivered() != null) {
      names.add("bToA");
    }
    return names;
  }

  @Override
  public List<Descriptor> descriptors() {
    return report.descriptors();
  }

  @Override
  public long heldBytes() {
    return (long) report.metadata().length()
        + report.a().undeliveredBytes()
        + report.b().undeliveredBytes();
  }

  @Override
  public Account.Manner whenDropped() {
    return report.reason() == EndReason.RESET ? Account.Manner.RESET : Account.Manner.NO_LINGER;
  }

  @Override
  public void write(MessageWriter out) {
    out.string("relay", report.relay())
        .string("reason", report.reason().wireName())
        .string("endedBy", report.endedBy() == null ? null : report.endedBy().wireName());
    if (report.errno() != null) {
      out.string("errno", report.errno());
    }
    out.object("bytes")
        .number("aToB", report.bytesAToB())
        .number("bToA", report.bytesBToA())
        .end()
        .number("durationMs", report.durationMs())
        .raw("metadata", report.metadata());
    out.object("endpoints");
    endpoint(out, "a", report.a());
    endpoint(out, "b", report.b());
    out.end().object("tcpInfo");
    tcpInfo(out, "a", report.a());
    tcpInfo(out, "b", report.b());
    out.end();
    if (report.a().undelivered() != null || report.b().undelivered() != null) {
      out.object("undelivered")
          .number("aToB", report.a().undeliveredBytes())
          .number("bToA", report.b().undeliveredBytes())
          .end();
    }
  }

  private static void endpoint(MessageWriter out, String name, End end) {
    @Nullable String local = end.local();
    if (local == null) {
      out.nothing(name);
    } else {
      out.object(name).string("local", local).string("peer", end.peer()).end();
    }
  }

  private static void tcpInfo(MessageWriter out, String name, End end) {
    if (end.tcpInfo() == null) {
      out.nothing(name);
    } else {
      out.object(name);
      end.tcpInfo().forEach(out::unsigned);
      out.end();
    }
  }
}

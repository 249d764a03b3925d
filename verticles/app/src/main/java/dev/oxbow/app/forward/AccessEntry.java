package dev.oxbow.app.forward;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.codecs.tcp.TcpInfo;
import dev.oxbow.splicer.SpliceReport;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.Side;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What the access log tells of one connection. The client is side a of its relay, the target side
 * b.
 *
 * @param relay the relay's id; null when there was none
 * @param client the client's address, as the one who accepted it saw it
 * @param listen the address that the client connected to
 * @param source the address that the target was connected from; null when it was not
 * @param target the target's address
 * @param bytesToTarget as the report says
 * @param bytesToClient as the report says
 * @param durationMs of the relay
 * @param connectMs how long it took to connect to the target; -1 when not known
 * @param reason why it ended: the reason of a report, {@code connect-failed} or {@code refused}
 * @param endedBy {@code client} or {@code target}; null when neither was first
 * @param error name of an errno or of an error code; null when there was none
 * @param clientTcp TCP_INFO at the end; null when there is none
 * @param targetTcp TCP_INFO at the end; null when there is none
 * @param undeliveredBytes bytes of both directions that could not be written any more
 * @param forwarder pid of the process that accepted the connection; 0 when not known
 */
record AccessEntry(
    @Nullable String relay,
    @Nullable String client,
    @Nullable String listen,
    @Nullable String source,
    @Nullable String target,
    long bytesToTarget,
    long bytesToClient,
    long durationMs,
    long connectMs,
    String reason,
    @Nullable String endedBy,
    @Nullable String error,
    @Nullable TcpInfo clientTcp,
    @Nullable TcpInfo targetTcp,
    long undeliveredBytes,
    long forwarder) {

  private static final String CLIENT = "client";
  private static final String LISTEN = "listen";
  private static final String CONNECT_MS = "connectMs";
  private static final String FORWARDER = "forwarder";

  /**
   * What a relay carries as metadata: addresses for who looks at live relays, the rest so that any
   * later forwarder can log it.
   */
  static RawJson metadata(
      @Nullable String client,
      @Nullable String listen,
      String target,
      long connectMs,
      long forwarder) {
    byte[] json =
        new MessageWriter()
            .string(CLIENT, client)
            .string(LISTEN, listen)
            .string("target", target)
            .number(CONNECT_MS, connectMs)
            .number(FORWARDER, forwarder)
            .bytes();
    return RawJson.of(new String(json, StandardCharsets.UTF_8));
  }

  /** A connection that was relayed. */
  static AccessEntry of(SpliceReport report) {
    Message metadata = metadataOf(report);
    Side endedBy = report.endedBy();
    return new AccessEntry(
        report.relay(),
        metadata == null ? report.a().peer() : metadata.string(CLIENT, report.a().peer()),
        metadata == null ? report.a().local() : metadata.string(LISTEN, report.a().local()),
        report.b().local(),
        report.b().peer(),
        report.bytesAToB(),
        report.bytesBToA(),
        report.durationMs(),
        metadata == null ? -1 : metadata.integer(CONNECT_MS, -1, Long.MAX_VALUE, -1),
        report.reason().wireName(),
        endedBy == null ? null : endedBy == Side.A ? "client" : "target",
        report.reason() == EndReason.ERROR ? report.errno() : null,
        report.a().tcpInfo(),
        report.b().tcpInfo(),
        report.a().undeliveredBytes() + report.b().undeliveredBytes(),
        metadata == null ? 0 : metadata.integer(FORWARDER, 0, Long.MAX_VALUE, 0));
  }

  /** A connection that never came to a relay. */
  static AccessEntry failed(
      @Nullable String client,
      @Nullable String listen,
      String target,
      long connectMs,
      String reason,
      String error) {
    long self = ProcessHandle.current().pid();
    return new AccessEntry(
        null, client, listen, null, target, 0, 0, 0, connectMs, reason, null, error, null, null, 0,
        self);
  }

  /** Null when another program of the same app began the relay, with metadata of its own kind. */
  private static @Nullable Message metadataOf(SpliceReport report) {
    try {
      byte[] json = report.metadata().toString().getBytes(StandardCharsets.UTF_8);
      Message metadata = Message.parse(json);
      metadata.string(CLIENT, null);
      metadata.string(LISTEN, null);
      metadata.integer(CONNECT_MS, -1, Long.MAX_VALUE, -1);
      metadata.integer(FORWARDER, 0, Long.MAX_VALUE, 0);
      return metadata;
    } catch (RequestException e) {
      return null;
    }
  }
}

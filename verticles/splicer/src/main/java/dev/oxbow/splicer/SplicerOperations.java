package dev.oxbow.splicer;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.control.Request;
import dev.oxbow.splicer.RelayService.Live;
import dev.oxbow.splicer.relay.Side;
import io.vertx.core.buffer.Buffer;
import java.util.Base64;
import java.util.Map;

/** The ops of the Splicer's control socket: JSON to the service and back. Control loop only. */
final class SplicerOperations {
  private static final int MAX_BASE64_CHARS = (SpliceRequest.MAX_PRELUDE_BYTES + 2) / 3 * 4;

  private final RelayService service;

  SplicerOperations(RelayService service) {
    this.service = service;
  }

  Map<String, Operation> byOp() {
    return Map.of(
        "splice",
        this::splice,
        "list",
        request -> service.table().list(request, SplicerOperations::describe),
        "abort",
        request -> service.table().abort(request, RelayService::end));
  }

  private MessageWriter splice(Request request) {
    Message message = request.message();
    request.requireDescriptors("a", "b");
    SpliceRequest splice =
        new SpliceRequest(request.descriptor("a"), request.descriptor("b"))
            .setMetadata(message.metadata())
            .setIdleTimeoutMs(limit(message, "idleTimeoutMs"))
            .setHalfCloseTimeoutMs(limit(message, "halfCloseTimeoutMs"))
            .setMaxDurationMs(limit(message, "maxDurationMs"))
            .setMaxBytes(limit(message, "maxBytes"));
    Message prelude = message.object("prelude");
    if (prelude != null) {
      splice.setPreludeToA(prelude(prelude, "toA")).setPreludeToB(prelude(prelude, "toB"));
    }
    String relay = service.splice(request.client().mailbox(), splice);
    request.take("a");
    request.take("b");
    return request.ok().string("relay", relay);
  }

  private static long limit(Message message, String field) {
    return message.integer(field, 0, Long.MAX_VALUE, 0);
  }

  private static Buffer prelude(Message prelude, String field) {
    String text;
    try {
      text = prelude.has(field) ? prelude.string(field) : "";
    } catch (RequestException e) {
      throw new RequestException(e.code(), "prelude." + e.getMessage());
    }
    if (text.length() > MAX_BASE64_CHARS) {
      throw tooLong(field);
    }
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw RequestException.badField("prelude." + field, "not base64: " + e.getMessage());
    }
    if (bytes.length > SpliceRequest.MAX_PRELUDE_BYTES) {
      throw tooLong(field);
    }
    return Buffer.buffer(bytes);
  }

  private static RequestException tooLong(String field) {
    return RequestException.badField(
        "prelude." + field, "longer than " + SpliceRequest.MAX_PRELUDE_BYTES + " bytes");
  }

  private static void describe(Live relay, MessageWriter out) {
    out.object("bytes")
        .number("aToB", relay.relay().delivered(Side.A))
        .number("bToA", relay.relay().delivered(Side.B))
        .end()
        .number("ageMs", relay.relay().ageNanos() / 1_000_000)
        .number("idleMs", relay.relay().idleNanos() / 1_000_000);
  }
}

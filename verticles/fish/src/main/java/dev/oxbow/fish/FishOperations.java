package dev.oxbow.fish;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fish.SessionService.Live;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.SessionSpec;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.control.Request;
import dev.oxbow.service.flow.ClosedEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The ops of Fish's control socket: JSON to the service and back. Control loop only. */
final class FishOperations {
  private static final int MAX_PORT = 0xffff;
  private static final Pattern NAME = Pattern.compile("[ -~]{1,128}");

  private final SessionService service;

  FishOperations(SessionService service) {
    this.service = service;
  }

  Map<String, Operation> byOp() {
    return Map.of(
        "egress",
        this::egress,
        "lookup",
        this::lookup,
        "list",
        request -> service.table().list(request, this::describe),
        "abort",
        request -> service.table().abort(request, service::end));
  }

  private MessageWriter egress(Request request) {
    Message message = request.message();
    request.requireDescriptors(ClosedEvent.FLOW);
    long mtu =
        message.integer("mtu", SessionSpec.MIN_MTU, SessionSpec.MAX_MTU, EgressRequest.DEFAULT_MTU);
    String resume = message.string("resume", null);
    if (resume != null && !NAME.matcher(resume).matches()) {
      throw RequestException.badField("resume", "is not a name of 1 to 128 ASCII characters");
    }
    EgressRequest egress =
        new EgressRequest(request.descriptor(ClosedEvent.FLOW), grants(message))
            .setMtu((int) mtu)
            .setVnetHdr(message.flag("vnetHdr", false))
            .setMapping(mapping(message))
            .setMetadata(message.metadata())
            .setResume(resume);
    Live live = service.egress(request.client().mailbox(), egress);
    request.take(ClosedEvent.FLOW);
    MessageWriter answer = request.ok().string("session", live.name());
    return resume == null ? answer : answer.number("resumed", live.session().resumed());
  }

  private static List<Grant> grants(Message message) {
    List<Grant> grants = new ArrayList<>();
    if (message.has("egress")) {
      for (Message each : message.objects("egress")) {
        grants.add(grant(each));
      }
    } else {
      grants.add(grant(message));
    }
    return grants;
  }

  private static Grant grant(Message message) {
    String address = message.string("address");
    try {
      return Grant.of(address, message.string("ports"));
    } catch (IllegalArgumentException e) {
      throw RequestException.badField("ports", String.valueOf(e.getMessage()));
    }
  }

  private static Mapping mapping(Message message) {
    String wanted = message.string("mapping", Mapping.PER_DESTINATION.wireName());
    for (Mapping mapping : Mapping.values()) {
      if (mapping.wireName().equals(wanted)) {
        return mapping;
      }
    }
    throw RequestException.badField(
        "mapping", "is " + wanted + "; expected per-destination or endpoint-independent");
  }

  private MessageWriter lookup(Request request) {
    request.requireDescriptors();
    Message message = request.message();
    PortQuery query =
        new PortQuery(
            message.string("protocol"),
            message.string("address"),
            (int) message.integer("port", 1, MAX_PORT),
            message.string("destination"));
    PortOwner owner = service.lookup(request.client(), query);
    return request
        .ok()
        .string("session", owner.session())
        .string("client", owner.client())
        .raw("metadata", owner.metadata())
        .number("sinceMs", owner.sinceMs());
  }

  private void describe(Live live, MessageWriter out) {
    out.number("flows", service.connections(live));
    live.session().packets().write(out);
    out.number("ageMs", live.session().ageNanos() / 1_000_000)
        .number("idleMs", live.session().idleNanos() / 1_000_000);
  }
}

package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelService.Live;
import dev.oxbow.bumblebee.tunnel.LiveTunnel;
import dev.oxbow.bumblebee.tunnel.TunnelSpec;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.control.Request;
import dev.oxbow.service.flow.ClosedEvent;
import java.util.Map;

/** The ops of Bumblebee's control socket: JSON to the service and back. Control loop only. */
final class BumblebeeOperations {
  private final TunnelService service;

  BumblebeeOperations(TunnelService service) {
    this.service = service;
  }

  Map<String, Operation> byOp() {
    return Map.of(
        "upgrade",
        this::upgrade,
        "list",
        request -> service.table().list(request, BumblebeeOperations::describe),
        "abort",
        request -> service.table().abort(request, TunnelService::end));
  }

  private MessageWriter upgrade(Request request) {
    Message message = request.message();
    request.requireDescriptors(ClosedEvent.FLOW);
    long mtu =
        message.integer("mtu", TunnelSpec.MIN_MTU, TunnelSpec.MAX_MTU, UpgradeRequest.DEFAULT_MTU);
    UpgradeRequest upgrade =
        new UpgradeRequest(request.descriptor(ClosedEvent.FLOW))
            .setMtu((int) mtu)
            .setVnetHdr(message.flag("vnetHdr", false))
            .setMetadata(message.metadata());
    String tunnel = service.upgrade(request.client().mailbox(), upgrade);
    request.take(ClosedEvent.FLOW);
    return request.ok().string("tunnel", tunnel);
  }

  private static void describe(Live live, MessageWriter out) {
    LiveTunnel tunnel = live.tunnel();
    out.number("connections", tunnel.connections());
    tunnel.packets().write(out);
    out.number("ageMs", tunnel.ageNanos() / 1_000_000)
        .number("idleMs", tunnel.idleNanos() / 1_000_000);
  }
}

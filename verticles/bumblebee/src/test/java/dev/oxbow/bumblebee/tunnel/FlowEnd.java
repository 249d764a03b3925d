package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.testing.FlowBridge;
import java.nio.file.Path;

/** The flow of a client network, for a tunnel. */
final class FlowEnd extends FlowBridge {

  /** Of a network that was made with {@link Kind#vnetHdr}. */
  FlowEnd(ClientNetwork network, Kind kind) {
    super(network.tun(), kind);
  }

  TunnelSpec spec(long id, int mtu) {
    FlowKind found = Flow.examine("flow", flow().fd(), Path.of("/nonexistent")).kind();
    return new TunnelSpec(id, 0, flow().fd(), found, mtu, saysVnetHdr());
  }
}

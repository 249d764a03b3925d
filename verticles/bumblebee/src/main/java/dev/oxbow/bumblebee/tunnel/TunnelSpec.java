package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.service.flow.FlowKind;

/**
 * What a tunnel is made of. The flow's descriptor is owned by whoever attaches the tunnel, and
 * stays open until it has ended.
 *
 * @param id not 0; {@link dev.oxbow.service.verticle.ServicePlane#groupOf} of it is the group
 * @param uid whose tunnel it is
 * @param flow the descriptor; its file status flags are neither relied on nor changed
 * @param kind as {@link dev.oxbow.service.flow.Flow#examine} told
 * @param mtu largest packet towards the flow, in bytes, 576 to 65535; below 1280 it has no IPv6
 * @param vnetHdr whether messages of a packet socket begin with a struct virtio_net_hdr; a tun
 *     tells by itself
 */
public record TunnelSpec(long id, long uid, int flow, FlowKind kind, int mtu, boolean vnetHdr) {

  /** Bounds of the mtu. */
  public static final int MIN_MTU = 576;

  public static final int MAX_MTU = 65_535;
}

package dev.oxbow.fish.network;

import dev.oxbow.fdpassing.device.Tun;

/**
 * What a tun of ours carries unfinished.
 *
 * @param header whether packets begin with a struct virtio_net_hdr: TCP super-packets and partial
 *     checksums are taken from us
 * @param tcp whether TCP super-packets are given to us, too
 * @param udp whether UDP super-packets are taken and given: since Linux 6.2
 */
public record Offloads(boolean header, boolean tcp, boolean udp) {

  /** A tun that carries complete packets only. */
  public static final Offloads NONE = new Offloads(false, false, false);

  /** Asks for all that this kernel has. A tun that was made without the header stays so. */
  static Offloads of(Tun tun) {
    int flags = Tun.flags(tun.descriptor().fd());
    if (flags < 0 || (flags & Tun.IFF_VNET_HDR) == 0) {
      return NONE;
    }
    boolean udp = tun.offloads(Tun.TCP_OFFLOADS | Tun.UDP_OFFLOADS);
    return new Offloads(true, udp || tun.offloads(Tun.TCP_OFFLOADS), udp);
  }
}

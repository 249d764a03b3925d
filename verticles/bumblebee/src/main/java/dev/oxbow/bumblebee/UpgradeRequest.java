package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.tunnel.TunnelSpec;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import io.vertx.core.json.Json;
import org.jspecify.annotations.Nullable;

/**
 * A flow whose TCP connections are wanted as sockets. Not thread-safe; not changed any more once
 * given to a Bumblebee.
 */
public final class UpgradeRequest {

  /** Ethernet's. */
  public static final int DEFAULT_MTU = 1500;

  private final Descriptor flow;
  private RawJson metadata = RawJson.NULL;
  private int mtu = DEFAULT_MTU;
  private boolean vnetHdr;

  /**
   * @param flow a connected AF_UNIX socket, SOCK_SEQPACKET or SOCK_DGRAM, with one IP packet per
   *     message; or a tun with IFF_NO_PI, with or without IFF_VNET_HDR. Owned by the caller until
   *     the request was accepted
   */
  public UpgradeRequest(Descriptor flow) {
    this.flow = flow;
  }

  public Descriptor flow() {
    return flow;
  }

  public RawJson metadata() {
    return metadata;
  }

  /** Any JSON value; it comes back with each connection, and with the report at the end. */
  public UpgradeRequest setMetadata(RawJson metadata) {
    this.metadata = metadata;
    return this;
  }

  /** Any value that Vert.x can encode as JSON; it comes back with each connection. */
  public UpgradeRequest setMetadata(@Nullable Object json) {
    return setMetadata(RawJson.of(Json.encode(json)));
  }

  public int mtu() {
    return mtu;
  }

  /** The largest packet that the flow takes, in bytes: 576 to 65535. IPv6 needs 1280. */
  public UpgradeRequest setMtu(int mtu) {
    if (mtu < TunnelSpec.MIN_MTU || mtu > TunnelSpec.MAX_MTU) {
      throw new IllegalArgumentException(
          "mtu: " + mtu + "; expected " + TunnelSpec.MIN_MTU + " to " + TunnelSpec.MAX_MTU);
    }
    this.mtu = mtu;
    return this;
  }

  public boolean vnetHdr() {
    return vnetHdr;
  }

  /**
   * Whether each message of a socket begins with a struct virtio_net_hdr, so that packets may be
   * longer than the MTU and their checksums unfinished, both ways. A tun tells by itself.
   */
  public UpgradeRequest setVnetHdr(boolean vnetHdr) {
    this.vnetHdr = vnetHdr;
    return this;
  }

  /**
   * Sees to it that the caller has not closed or given away the flow.
   *
   * @throws RequestException {@code bad-descriptors}
   */
  void requireOpen() {
    if (!flow.isOpen()) {
      throw RequestException.badDescriptor("flow", "was closed or given away");
    }
  }
}

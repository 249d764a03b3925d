package dev.oxbow.fish;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.ports.Mapping;
import dev.oxbow.fish.session.SessionSpec;
import io.vertx.core.json.Json;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A flow whose packets are to leave from certain addresses and ports. Not thread-safe; not changed
 * any more once given to a Fish.
 */
public final class EgressRequest {

  /** Ethernet's. */
  public static final int DEFAULT_MTU = 1500;

  private final Descriptor flow;
  private final List<Grant> egress;
  private Mapping mapping = Mapping.PER_DESTINATION;
  private RawJson metadata = RawJson.NULL;
  private int mtu = DEFAULT_MTU;
  private boolean vnetHdr;
  private @Nullable String resume;

  /**
   * @param flow a connected AF_UNIX socket, SOCK_SEQPACKET or SOCK_DGRAM, with one IP packet per
   *     message; or a tun with IFF_NO_PI. Owned by the caller until the request was accepted
   * @param egress where its packets leave from, within what the configuration grants; at least one
   */
  public EgressRequest(Descriptor flow, List<Grant> egress) {
    this.flow = flow;
    this.egress = List.copyOf(egress);
  }

  public Descriptor flow() {
    return flow;
  }

  public List<Grant> egress() {
    return egress;
  }

  public Mapping mapping() {
    return mapping;
  }

  /** Whether a port serves one destination or all. */
  public EgressRequest setMapping(Mapping mapping) {
    this.mapping = mapping;
    return this;
  }

  public RawJson metadata() {
    return metadata;
  }

  /** Any JSON value; it comes back with the report at the end. */
  public EgressRequest setMetadata(RawJson metadata) {
    this.metadata = metadata;
    return this;
  }

  /** Any value that Vert.x can encode as JSON; it comes back with the report at the end. */
  public EgressRequest setMetadata(@Nullable Object json) {
    return setMetadata(RawJson.of(Json.encode(json)));
  }

  public int mtu() {
    return mtu;
  }

  /** The largest packet that the flow takes, in bytes: 576 to 65535. */
  public EgressRequest setMtu(int mtu) {
    if (mtu < SessionSpec.MIN_MTU || mtu > SessionSpec.MAX_MTU) {
      throw new IllegalArgumentException(
          "mtu: " + mtu + "; expected " + SessionSpec.MIN_MTU + " to " + SessionSpec.MAX_MTU);
    }
    this.mtu = mtu;
    return this;
  }

  public boolean vnetHdr() {
    return vnetHdr;
  }

  /**
   * Whether messages of a socket begin with a struct virtio_net_hdr and may be super-packets, both
   * ways; a tun tells by itself.
   */
  public EgressRequest setVnetHdr(boolean vnetHdr) {
    this.vnetHdr = vnetHdr;
    return this;
  }

  /** The session's stable name, or null. */
  public @Nullable String resume() {
    return resume;
  }

  /** A stable name, unlike that of any other live session of the same uid and app. */
  public EgressRequest setResume(@Nullable String resume) {
    this.resume = resume;
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

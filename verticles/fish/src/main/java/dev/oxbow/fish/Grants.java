package dev.oxbow.fish;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.session.SessionSpec.Range;
import dev.oxbow.service.runtime.StartException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the configuration grants, and what of it is asked for. */
final class Grants {
  private final List<PortSlice> slices;
  private final QuotaOptions quotas;

  private Grants(List<PortSlice> slices, QuotaOptions quotas) {
    this.slices = slices;
    this.quotas = quotas;
  }

  /**
   * Reads the configuration.
   *
   * @throws StartException naming the key that is wrong
   */
  static Grants of(List<Grant> egress, QuotaOptions quotas) {
    if (egress.isEmpty()) {
      throw new StartException(
          "fish.egress: missing; grant at least one address with ports, such as"
              + " {address: 203.0.113.7, ports: 20000-20999}");
    }
    List<PortSlice> slices = new ArrayList<>();
    for (Grant grant : egress) {
      Prefix address = host(grant.address());
      if (address == null) {
        throw new StartException("fish.egress.address: not an address: " + grant.address());
      }
      for (PortSlice other : slices) {
        if (other.high() == address.high()
            && other.low() == address.low()
            && grant.firstPort() <= other.last()
            && other.first() <= grant.lastPort()) {
          throw new StartException(
              "fish.egress: " + grant.address() + " " + grant.ports() + " is granted twice");
        }
      }
      slices.add(new PortSlice(address.high(), address.low(), grant.firstPort(), grant.lastPort()));
    }
    return new Grants(List.copyOf(slices), quotas);
  }

  List<PortSlice> slices() {
    return slices;
  }

  /** What a uid may have of that. */
  QuotaOptions quotas(long uid) {
    return quotas.forUid(uid);
  }

  /**
   * The ranges of a request.
   *
   * @throws RequestException {@code not-authorized} where it was not granted
   */
  List<Range> ranges(List<Grant> asked) {
    List<Range> ranges = new ArrayList<>();
    for (Grant grant : asked) {
      ranges.add(range(grant));
    }
    return ranges;
  }

  private Range range(Grant grant) {
    Prefix address = host(grant.address());
    if (address == null) {
      throw RequestException.badField("address", "is not an address: " + grant.address());
    }
    for (PortSlice slice : slices) {
      if (slice.contains(address.high(), address.low(), grant.firstPort())
          && slice.contains(address.high(), address.low(), grant.lastPort())) {
        return new Range(slice, grant.firstPort(), grant.lastPort());
      }
    }
    throw new RequestException(
        ErrorCode.NOT_AUTHORIZED,
        "address " + grant.address() + ", ports " + grant.ports() + ": not granted (fish.egress)");
  }

  /** An address, or null when it is none. */
  static @Nullable Prefix host(String text) {
    try {
      return text.indexOf('/') < 0 ? Prefix.parse(text) : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}

package dev.oxbow.app.check;

import dev.oxbow.config.PairOptions;
import dev.oxbow.fish.partner.PartnerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;

/** Whether this machine can have the partner that the configuration names. Blocks. */
final class PairCheck {
  private static final String NAME = "pair";

  private PairCheck() {}

  /** Looks; whether the partner is there, only the service itself can tell. */
  static Finding examine(PairOptions options) {
    String host = PairOptions.host(options.getListen());
    try {
      PartnerProvider.find();
      String secret = options.readSecret();
      if (NetworkInterface.getByInetAddress(InetAddress.getByName(host)) == null) {
        return Finding.missing(
            NAME,
            "fish.pair.listen: " + host + " is no address of this machine",
            "give this machine the address, on the link to the partner, or name one that it has");
      }
      return secret == null
          ? Finding.warn(NAME, options.noSecret(), "give both nodes the same fish.pair.secret")
          : Finding.ok(
              NAME, options.getName() + " has the " + options.getHome() + " half, and a secret");
    } catch (IllegalStateException e) {
      return Finding.missing(
          NAME, String.valueOf(e.getMessage()), "use the jar that has everything");
    } catch (IllegalArgumentException | IOException e) {
      return Finding.missing(NAME, String.valueOf(e.getMessage()), "correct the section fish.pair");
    }
  }
}

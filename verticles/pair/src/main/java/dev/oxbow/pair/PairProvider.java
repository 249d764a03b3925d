package dev.oxbow.pair;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.PairOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fish.partner.Partner;
import dev.oxbow.fish.partner.PartnerProvider;
import dev.oxbow.fish.partner.SharedPorts;
import dev.oxbow.pair.hazelcast.HazelcastWire;
import dev.oxbow.pair.link.Introduction;
import dev.oxbow.pair.link.Link;
import dev.oxbow.service.runtime.StartException;
import dev.oxbow.service.runtime.Version;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes partners that are reached by Hazelcast. */
public final class PairProvider implements PartnerProvider {
  private static final Logger log = LoggerFactory.getLogger(PairProvider.class);

  @Override
  public Partner.Source<Partner> of(FishOptions options, DescriptorLoop loop, Path files) {
    PairOptions pair = Objects.requireNonNull(options.getPair());
    String secret = secret(pair);
    if (secret == null) {
      log.warn("{}", pair.noSecret());
    }
    return ports ->
        new LoanPartner(
            pair,
            ports,
            loop,
            LoanMemory.open(files.resolveSibling(files.getFileName() + LOANS), ports.count()),
            new Link(
                HazelcastWire.opener(pair),
                introduction(options, pair, ports),
                secret,
                new SecureRandom()));
  }

  static Introduction introduction(FishOptions options, PairOptions pair, SharedPorts ports) {
    String grants =
        options.getEgress().stream()
            .map(grant -> grant.address() + " " + grant.ports())
            .sorted()
            .collect(Collectors.joining(", "));
    return new Introduction(
        pair.getName(),
        Version.current(),
        pair.getHome().equals(PairOptions.FIRST),
        grants,
        ports.flows(),
        ports.sessions());
  }

  private static @Nullable String secret(PairOptions pair) {
    try {
      return pair.readSecret();
    } catch (IllegalArgumentException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }
}

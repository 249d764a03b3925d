package dev.oxbow.it.docs;

import dev.oxbow.config.FishOptions.Grant;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fish.EgressRequest;
import dev.oxbow.fish.EgressSession;
import dev.oxbow.fish.Fish;
import dev.oxbow.fish.SessionReport;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;

/** What docs/fish.md quotes. */
final class EmbeddedEgress {
  private EmbeddedEgress() {}

  // begin egress
  /** Everything in a flow leaves from one slice of a shared address. */
  static Future<EgressSession> carry(Fish fish, Descriptor flow) {
    fish.exhaustedHandler(full -> System.out.println("no port left to " + full.destination()));
    EgressRequest request =
        new EgressRequest(flow, List.of(Grant.of("203.0.113.7", "20000-20999")))
            .setResume("tenant 7")
            .setMetadata(Map.of("tenant", 7));
    return fish.egress(request)
        .onSuccess(session -> session.closed().onSuccess(SessionReport::close))
        .onFailure(e -> flow.close());
  }
  // end egress
}

package dev.oxbow.splicer;

import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.service.testing.ServedService;
import java.util.function.Consumer;

/** A Splicer with a control socket in a directory of its own, for one test. */
final class ServedSplicer extends ServedService {

  private ServedSplicer(Consumer<OxbowOptions> change) {
    super(
        SplicerVerticle.NAME,
        options -> {
          options.setSplicer(new SplicerOptions().setIdlePipes(0));
          change.accept(options);
        },
        SplicerVerticle::new);
  }

  /** With defaults, but no idle pipes that would look like leaks. */
  static ServedSplicer start() {
    return start(options -> {});
  }

  static ServedSplicer start(Consumer<OxbowOptions> change) {
    return new ServedSplicer(change);
  }
}

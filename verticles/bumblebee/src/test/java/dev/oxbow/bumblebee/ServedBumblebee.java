package dev.oxbow.bumblebee;

import dev.oxbow.config.BumblebeeOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.service.testing.ControlPeer;
import dev.oxbow.service.testing.ServedService;
import io.vertx.core.json.JsonObject;
import java.util.function.Consumer;

/** A Bumblebee with a control socket in a directory of its own, for one test. */
final class ServedBumblebee extends ServedService {

  private ServedBumblebee(Consumer<OxbowOptions> change) {
    super(
        BumblebeeVerticle.NAME,
        options -> {
          options.setBumblebee(new BumblebeeOptions().setLoops(1).setMaxTunnels(64));
          change.accept(options);
        },
        BumblebeeVerticle::new);
  }

  static ServedBumblebee start() {
    return start(options -> {});
  }

  static ServedBumblebee start(Consumer<OxbowOptions> change) {
    return new ServedBumblebee(change);
  }

  /**
   * Opens a tunnel; its id.
   *
   * @param more members such as {@code ,"mtu":1400}
   */
  static String upgrade(ControlPeer peer, Descriptor flow, String more) {
    JsonObject answer =
        peer.ask("{\"op\":\"upgrade\",\"id\":1,\"fds\":[\"flow\"]" + more + "}", flow);
    if (!answer.containsKey("tunnel")) {
      throw new AssertionError(answer.encode());
    }
    return answer.getString("tunnel");
  }
}

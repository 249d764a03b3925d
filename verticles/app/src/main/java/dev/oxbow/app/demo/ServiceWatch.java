package dev.oxbow.app.demo;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.splicer.RelayPage;
import dev.oxbow.splicer.Splicer;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.stream.Collectors;

/** What the service says of its relays, asked as root through the public API. Blocking calls. */
final class ServiceWatch implements AutoCloseable {
  private static final long ANSWER_SECONDS = 10;
  private static final String APP = "demo-watch";

  private final Splicer splicer;

  private ServiceWatch(Splicer splicer) {
    this.splicer = splicer;
  }

  static ServiceWatch open(Vertx vertx, Path socket) throws TimeoutException {
    return new ServiceWatch(
        Splicer.remote(vertx, socket, APP).await(ANSWER_SECONDS, TimeUnit.SECONDS));
  }

  /** All live relays of the forwarder by their ids. */
  Map<String, RelayPage.Entry> relays() {
    try {
      RelayPage page = splicer.list(null, Splicer.MAX_PAGE).await(ANSWER_SECONDS, TimeUnit.SECONDS);
      return page.relays().stream()
          .filter(relay -> !GatewayAct.isOf(member(relay, "listen")))
          .collect(Collectors.toMap(RelayPage.Entry::relay, Function.identity()));
    } catch (TimeoutException e) {
      throw new IllegalStateException("the service does not answer", e);
    }
  }

  /** Whose connection a relay carries: the client's address, from the forwarder's metadata. */
  static String clientOf(RelayPage.Entry relay) {
    return member(relay, "client");
  }

  private static String member(RelayPage.Entry relay, String name) {
    byte[] json = relay.metadata().toString().getBytes(StandardCharsets.UTF_8);
    return String.valueOf(Message.parse(json).string(name, ""));
  }

  @Override
  public void close() throws TimeoutException {
    splicer.close().await(ANSWER_SECONDS, TimeUnit.SECONDS);
  }
}

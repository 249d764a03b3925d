package dev.oxbow.app.forward;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.LinuxException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import org.jspecify.annotations.Nullable;

/**
 * A client's connection on its way to the target: the name is looked up, then a socket connects.
 * Any process that has both sockets can go on with it. Loop thread only.
 */
final class Attempt {
  private final Context context;
  private final DescriptorLoop loop;
  private final Errand errand;
  private final long beganNanos;
  private final long timeoutMs;
  private final Promise<Descriptor> connected = Promise.promise();
  private @Nullable Connector connector;
  private int lookUps;
  private boolean frozen;

  /**
   * @param errand its client stays the caller's
   * @param beganNanos when the client came, {@link System#nanoTime()}
   * @param connector what another process has begun, frozen; null for none
   */
  Attempt(
      Context context,
      Errand errand,
      long beganNanos,
      long timeoutMs,
      @Nullable Connector connector) {
    this.context = context;
    this.loop = DescriptorLoop.of(context);
    this.errand = errand;
    this.beganNanos = beganNanos;
    this.timeoutMs = timeoutMs;
    this.connector = connector;
    if (connector != null) {
      connector.connected().onComplete(connected);
    }
  }

  /** The socket to the target, owned by the callee; fails with what went wrong. */
  Future<Descriptor> connected() {
    return connected.future();
  }

  Errand errand() {
    return errand;
  }

  long beganNanos() {
    return beganNanos;
  }

  /** What connects; null as long as a name is looked up. */
  @Nullable Connector connector() {
    return connector;
  }

  /** Begins, or goes on. */
  void thaw() {
    frozen = false;
    if (connector == null) {
      lookUp();
    } else {
      connector.thaw();
    }
  }

  /** Touches nothing more. A name that is found meanwhile will be looked up again. */
  void freeze() {
    frozen = true;
    if (connector != null) {
      connector.freeze();
    }
  }

  private void lookUp() {
    int number = ++lookUps;
    errand
        .target()
        .sockaddr(context)
        .onSuccess(
            sockaddr -> {
              if (!frozen && number == lookUps) {
                connect(sockaddr);
              }
            })
        .onFailure(
            e -> {
              if (!frozen && number == lookUps) {
                connected.fail(e);
              }
            });
  }

  private void connect(byte[] sockaddr) {
    try {
      Connector made = Connector.connect(loop, sockaddr, System.nanoTime() + timeoutMs * 1_000_000);
      connector = made;
      made.connected().onComplete(connected);
    } catch (LinuxException e) {
      connected.fail(e);
    }
  }
}

package dev.oxbow.service.local;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.MessageCodec;

/** Passes objects over the event bus of one process as they are. */
final class LocalCodec implements MessageCodec<Object, Object> {
  private static final String NAME = "oxbow.local";

  /** Sent with these, objects stay what they are: sender and receiver share the heap. */
  static final DeliveryOptions OPTIONS =
      new DeliveryOptions().setLocalOnly(true).setCodecName(NAME);

  private LocalCodec() {}

  /** Makes it known to an event bus, once. */
  static synchronized void register(EventBus bus) {
    try {
      bus.registerCodec(new LocalCodec());
    } catch (IllegalStateException e) {
      // Another service of the same Vert.x has done it: there is no way to ask before.
      return;
    }
  }

  @Override
  public void encodeToWire(Buffer buffer, Object message) {
    throw new UnsupportedOperationException("descriptors do not leave the process this way");
  }

  @Override
  public Object decodeFromWire(int position, Buffer buffer) {
    throw new UnsupportedOperationException("descriptors do not come into the process this way");
  }

  @Override
  public Object transform(Object message) {
    return message;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public byte systemCodecID() {
    return -1;
  }
}

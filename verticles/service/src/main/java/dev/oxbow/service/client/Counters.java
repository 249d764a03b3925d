package dev.oxbow.service.client;

import dev.oxbow.codecs.control.Message;
import io.vertx.core.json.JsonObject;

/** Counters of a service on their way to a caller. */
public final class Counters {
  private Counters() {}

  /** The counters in an answer to {@code stats}. */
  public static JsonObject of(Message answer) {
    return json(answer.member("stats"));
  }

  /** Numbers, texts, flags, what is null, and objects of them. */
  public static JsonObject json(Message counters) {
    JsonObject json = new JsonObject();
    for (String name : counters.names()) {
      json.put(name, counters.has(name) ? value(counters, name) : null);
    }
    return json;
  }

  private static Object value(Message counters, String name) {
    return counters.isObject(name) ? json(counters.member(name)) : counters.scalar(name);
  }
}

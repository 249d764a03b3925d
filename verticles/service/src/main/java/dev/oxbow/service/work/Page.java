package dev.oxbow.service.work;

import dev.oxbow.codecs.control.MessageWriter;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Some of what lives.
 *
 * @param items oldest first
 * @param next what to ask the next page with, or null when this is the last
 */
public record Page<T>(List<T> items, @Nullable String next) {

  /** Writes the members of a request for a page. */
  public static void ask(MessageWriter request, @Nullable String after, int limit) {
    request.number("limit", limit);
    if (after != null) {
      request.string("after", after);
    }
  }

  /** The same page of something else. */
  public <R> Page<R> map(Function<T, R> view) {
    return new Page<>(items.stream().map(view).toList(), next);
  }
}

package dev.oxbow.service.work;

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

  /** The same page of something else. */
  public <R> Page<R> map(Function<T, R> view) {
    return new Page<>(items.stream().map(view).toList(), next);
  }
}

package dev.oxbow.config;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A configuration that cannot be used. The message has one line per problem, in the order of the
 * file, and is meant to be shown to the user as it is.
 */
public final class ConfigException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient List<Problem> problems;

  ConfigException(String fileName, List<Problem> problems) {
    super(problems.stream().map(p -> p.describe(fileName)).collect(Collectors.joining("\n")));
    this.problems = List.copyOf(problems);
  }

  ConfigException(String fileName, String message, Throwable cause) {
    super(new Problem("", 0, message).describe(fileName), cause);
    this.problems = List.of(new Problem("", 0, message));
  }

  /** All problems that were found, in the order of their lines; never empty. */
  public List<Problem> problems() {
    return problems;
  }
}

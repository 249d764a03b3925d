package dev.oxbow.config;

/**
 * One thing that is wrong with a configuration.
 *
 * @param path the key, as in {@code quotas.perUid.1000.relays} or {@code control.allowedUids[0]};
 *     empty when the file as a whole is meant
 * @param line from 1; 0 when there is no line, as for a file that cannot be read
 * @param message what is wrong and what would be right, without path and line
 */
public record Problem(String path, int line, String message) {

  /** The problem as one line of text: {@code oxbow.yaml:7: quotas.relays: ...}. */
  public String describe(String fileName) {
    var text = new StringBuilder(fileName);
    if (line > 0) {
      text.append(':').append(line);
    }
    text.append(": ");
    if (!path.isEmpty()) {
      text.append(path).append(": ");
    }
    return text.append(message).toString();
  }
}

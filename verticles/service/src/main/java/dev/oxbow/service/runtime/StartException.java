package dev.oxbow.service.runtime;

/** A refusal to start. The message is one sentence, written for the user as it is. */
public final class StartException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StartException(String sentence) {
    super(sentence);
  }

  public StartException(String sentence, Throwable cause) {
    super(sentence, cause);
  }
}

package dev.oxbow.app.demo;

/** This machine lacks something that the demo needs. The message says what and how to get it. */
final class MissingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  MissingException(String message) {
    super(message);
  }
}

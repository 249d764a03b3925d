package dev.oxbow.codecs.control;

/** A request that is answered with an error. The message is written for the caller to read. */
public class RequestException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  /**
   * @param code what went wrong
   * @param message names the field or the descriptor
   */
  public RequestException(ErrorCode code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  /** What went wrong. */
  public ErrorCode code() {
    return code;
  }

  /** A field that is missing, of a wrong type or out of range. */
  public static RequestException badField(String field, String why) {
    return new RequestException(ErrorCode.BAD_REQUEST, field + ": " + why);
  }

  /** A descriptor that is missing, surplus or of a wrong kind. */
  public static RequestException badDescriptor(String name, String why) {
    return new RequestException(ErrorCode.BAD_DESCRIPTORS, name + ": " + why);
  }
}

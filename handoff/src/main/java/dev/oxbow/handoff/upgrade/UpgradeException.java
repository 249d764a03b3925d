package dev.oxbow.handoff.upgrade;

/** An upgrade that failed; the message names the stage and the cause in one sentence. */
public final class UpgradeException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final Stage stage;

  UpgradeException(Stage stage, String why) {
    this(stage, why, null);
  }

  UpgradeException(Stage stage, String why, @org.jspecify.annotations.Nullable Throwable cause) {
    super(stage.wireName() + ": " + why, cause);
    this.stage = stage;
  }

  /** Where it failed. */
  public Stage stage() {
    return stage;
  }
}

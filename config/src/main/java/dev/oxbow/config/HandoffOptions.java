package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Collection;
import java.util.List;

/**
 * How an upgrade in place starts the next process, and how long it may take. Every setter throws
 * {@link IllegalArgumentException} when the value is not right. Not thread-safe: fill it, then
 * start with it.
 */
public final class HandoffOptions {

  /** The command that started this process. */
  public static final List<String> DEFAULT_COMMAND = List.of();

  /** Milliseconds without progress after which an upgrade is rolled back. */
  public static final int DEFAULT_DEADLINE_MS = 15_000;

  /** Milliseconds that the switch of one group of flows may take. */
  public static final int DEFAULT_GROUP_DEADLINE_MS = 500;

  private static final int MAX_WORDS = 256;

  private List<String> command = DEFAULT_COMMAND;
  private int deadlineMs = DEFAULT_DEADLINE_MS;
  private int groupDeadlineMs = DEFAULT_GROUP_DEADLINE_MS;

  /** All defaults. */
  public HandoffOptions() {}

  /** A copy that shares nothing with the original. */
  public HandoffOptions(HandoffOptions other) {
    this.command = other.command;
    this.deadlineMs = other.deadlineMs;
    this.groupDeadlineMs = other.groupDeadlineMs;
  }

  /** From the keys of the section {@code handoff}; what is not there keeps its default. */
  public HandoffOptions(JsonObject json) {
    JsonArray words = json.getJsonArray("command", new JsonArray());
    setCommand(words.stream().map(String.class::cast).toList());
    setDeadlineMs(Bounds.integer(json, "deadlineMs", DEFAULT_DEADLINE_MS));
    setGroupDeadlineMs(Bounds.integer(json, "groupDeadlineMs", DEFAULT_GROUP_DEADLINE_MS));
  }

  /** Program and arguments of the next process; empty = the command that started this one. */
  public List<String> getCommand() {
    return command;
  }

  /**
   * Program and arguments of the next process, 256 words at most, none of them with a NUL; empty =
   * the command that started this one. No shell reads it.
   */
  public HandoffOptions setCommand(Collection<String> command) {
    boolean nul = command.stream().anyMatch(word -> word.indexOf('\0') >= 0);
    if (nul || command.size() > MAX_WORDS || command.stream().limit(1).anyMatch(String::isEmpty)) {
      throw new IllegalArgumentException(
          "command: not right: expected a program and its arguments, at most "
              + MAX_WORDS
              + " words");
    }
    this.command = List.copyOf(command);
    return this;
  }

  /** How long an upgrade may go without progress before it is rolled back, in milliseconds. */
  public int getDeadlineMs() {
    return deadlineMs;
  }

  /** How long an upgrade may go without progress before it is rolled back, 1000 to 600000 ms. */
  public HandoffOptions setDeadlineMs(int deadlineMs) {
    this.deadlineMs = Bounds.check("deadlineMs", deadlineMs, 1000, 600_000);
    return this;
  }

  /** How long one group of flows may be paused before it is rolled back, in milliseconds. */
  public int getGroupDeadlineMs() {
    return groupDeadlineMs;
  }

  /** How long one group of flows may be paused before it is rolled back, 10 to 60000 ms. */
  public HandoffOptions setGroupDeadlineMs(int groupDeadlineMs) {
    this.groupDeadlineMs = Bounds.check("groupDeadlineMs", groupDeadlineMs, 10, 60_000);
    return this;
  }

  /** The section {@code handoff} with every key. */
  public JsonObject toJson() {
    return new JsonObject()
        .put("command", new JsonArray(command))
        .put("deadlineMs", deadlineMs)
        .put("groupDeadlineMs", groupDeadlineMs);
  }

  @Override
  public String toString() {
    return toJson().encode();
  }
}

package dev.oxbow.fish.replica;

import org.jspecify.annotations.Nullable;

/**
 * What a session is opened again by, on whichever node.
 *
 * @param app of the mailbox, at most 64 ASCII characters, or null
 * @param name stable, at most 128 ASCII characters
 */
public record SessionName(long uid, @Nullable String app, String name) {

  /** Bounds. */
  static final int APP_BYTES = 64;

  static final int NAME_BYTES = 128;
}

package dev.oxbow.app.check;

import dev.oxbow.service.runtime.RuntimeDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Whether a service could use its runtimeDir. */
final class RuntimeDirectoryCheck {
  private static final String NAME = "runtimeDir";

  private RuntimeDirectoryCheck() {}

  static Finding examine(Path path) {
    if (Files.isDirectory(path)) {
      return RuntimeDirectory.ownerOf(path)
          .map(
              pid ->
                  Finding.warn(
                      NAME,
                      path + ": pid " + pid + " serves there",
                      "oxbow upgrade replaces it; one beside it needs another runtimeDir"))
          .orElseGet(() -> existing(path));
    }
    if (Files.exists(path)) {
      return Finding.missing(
          NAME, path + " is no directory", "remove it or choose another runtimeDir");
    }
    Path above = nearestExisting(path);
    return above != null && Files.isDirectory(above) && Files.isWritable(above)
        ? Finding.ok(NAME, path + " does not exist yet and can be made")
        : Finding.missing(
            NAME,
            path + " does not exist and cannot be made in " + above,
            "make it for this user, or choose another runtimeDir");
  }

  private static Finding existing(Path path) {
    return Files.isWritable(path)
        ? Finding.ok(NAME, path + " can be written to, nobody serves there")
        : Finding.missing(
            NAME, path + " cannot be written to", "chown it to this user, or choose another one");
  }

  private static @Nullable Path nearestExisting(Path path) {
    Path above = path.getParent();
    while (above != null && !Files.exists(above)) {
      above = above.getParent();
    }
    return above;
  }
}

package dev.oxbow.app.demo;

import dev.oxbow.app.demo.payload.Hash;
import dev.oxbow.app.demo.payload.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that the origin gives away.
 *
 * @param name in the root of the web server
 * @param seed of its content
 * @param length in bytes
 * @param sha256 of its content
 */
record WebFile(String name, long seed, long length, String sha256) {

  /** Writes it. */
  static WebFile make(Path root, String name, long seed, long length) throws IOException {
    try (Payload payload = new Payload(seed, length)) {
      Files.copy(payload, root.resolve(name));
    }
    return new WebFile(name, seed, length, Hash.ofPayload(seed, length));
  }

  String path() {
    return "/" + name;
  }
}

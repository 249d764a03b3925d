package dev.oxbow.fish.network;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Settings of the kernel in /proc/sys/net, of the calling thread's network namespace, with what
 * they were before: noted in a file first, so that an orderly end puts them back even when another
 * process has changed them. Blocks.
 */
final class Settings {
  private static final Path ROOT = Path.of("/proc/sys/net");
  private static final int VALUE_BYTES = 4096;

  private final Path file;
  private final Map<String, String> before;

  private Settings(Path file, Map<String, String> before) {
    this.file = file;
    this.before = before;
  }

  /**
   * Settings that an earlier process has noted, or none.
   *
   * @param file lines {@code name value}
   */
  static Settings open(Path file) {
    Map<String, String> before = new LinkedHashMap<>();
    try {
      for (String line : Files.readAllLines(file)) {
        int space = line.indexOf(' ');
        if (space > 0) {
          before.put(line.substring(0, space), line.substring(space + 1));
        }
      }
    } catch (NoSuchFileException e) {
      return new Settings(file, before);
    } catch (IOException e) {
      throw new NetworkException(file + " cannot be read: " + e.getMessage(), e);
    }
    return new Settings(file, before);
  }

  /** What a setting is; its name is the path below /proc/sys/net. */
  static String get(String name) {
    // With one read of many bytes: a second one would find the value at its end.
    byte[] value = new byte[VALUE_BYTES];
    try (InputStream in = Files.newInputStream(ROOT.resolve(name))) {
      int length = Math.max(0, in.read(value));
      return new String(value, 0, length, StandardCharsets.US_ASCII).strip();
    } catch (IOException e) {
      throw new NetworkException("net/" + name + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** Whether this kernel has it. */
  static boolean has(String name) {
    return Files.exists(ROOT.resolve(name));
  }

  /** What it was before it was first changed. */
  String before(String name) {
    String noted = before.get(name);
    return noted == null ? get(name) : noted;
  }

  /** Changes a setting, once it is noted what it was. */
  void set(String name, String value) {
    String now = get(name);
    if (now.equals(value)) {
      return;
    }
    if (before.putIfAbsent(name, now) == null) {
      note();
    }
    write(name, value);
  }

  /** Puts all of them back. */
  void restore() {
    before.forEach(
        (name, value) -> {
          if (has(name)) {
            write(name, value);
          }
        });
    before.clear();
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new NetworkException(file + " cannot be removed: " + e.getMessage(), e);
    }
  }

  private void note() {
    StringBuilder text = new StringBuilder();
    before.forEach((name, value) -> text.append(name).append(' ').append(value).append('\n'));
    Path next = file.resolveSibling(file.getFileName() + ".next");
    try {
      Files.writeString(next, text);
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new NetworkException(file + " cannot be written: " + e.getMessage(), e);
    }
  }

  private static void write(String name, String value) {
    try {
      // Not through a temporary file: this one is the kernel.
      Files.write(ROOT.resolve(name), value.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new NetworkException("net/" + name + " cannot be set: " + e.getMessage(), e);
    }
  }
}

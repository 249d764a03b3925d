package dev.oxbow.fish.attribution;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One file of the log: lines of JSON, only ever appended to. Its name is the time at which it
 * begins, so that names are in the order of time. Blocks.
 */
final class LogFile implements AutoCloseable {
  static final int VERSION = 1;
  private static final String PREFIX = "blocks-";
  private static final String SUFFIX = ".jsonl";
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

  /** Lines are kept together until then. */
  private static final int FLUSH_BYTES = 1 << 16;

  private static final String FOR_OWNER_AND_GROUP = "rw-r-----";

  private final FileChannel channel;
  private final ByteArrayOutputStream unwritten = new ByteArrayOutputStream();
  private final long beganMs;
  private long bytes;

  private LogFile(FileChannel channel, long beganMs) {
    this.channel = channel;
    this.beganMs = beganMs;
  }

  /** When it was begun, milliseconds since 1970. */
  long beganMs() {
    return beganMs;
  }

  /** Begins a new one. */
  static LogFile begin(Path directory, long timeMs) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
    }
    long stamp = timeMs;
    while (true) {
      try {
        return new LogFile(create(directory.resolve(name(stamp))), timeMs);
      } catch (FileAlreadyExistsException e) {
        // Another one began in the same millisecond.
        stamp++;
      }
    }
  }

  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.APPEND),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(FOR_OWNER_AND_GROUP)));
  }

  static String name(long timeMs) {
    return PREFIX + STAMP.format(Instant.ofEpochMilli(timeMs)) + SUFFIX;
  }

  /** All files of a log, oldest first. */
  static List<Path> all(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(
              file -> {
                String name = file.getFileName().toString();
                return name.startsWith(PREFIX) && name.endsWith(SUFFIX);
              })
          .sorted()
          .toList();
    }
  }

  /** Appends a line; {@link #flush} writes it at the latest. */
  void line(long timeMs, String event, RawJson members) throws IOException {
    MessageWriter line =
        new MessageWriter()
            .string("time", Instant.ofEpochMilli(timeMs).toString())
            .string("event", event)
            .members(members);
    unwritten.writeBytes(line.bytes());
    unwritten.write('\n');
    if (unwritten.size() >= FLUSH_BYTES) {
      flush();
    }
  }

  /** Bytes that are written, and those to come. */
  long size() {
    return bytes + unwritten.size();
  }

  /** Writes what was appended. */
  void flush() throws IOException {
    ByteBuffer lines = ByteBuffer.wrap(unwritten.toByteArray());
    unwritten.reset();
    while (lines.hasRemaining()) {
      bytes += channel.write(lines);
    }
  }

  /** Puts it on the disk and closes it. */
  @Override
  public void close() throws IOException {
    try (FileChannel last = channel) {
      flush();
      last.force(true);
    }
  }
}

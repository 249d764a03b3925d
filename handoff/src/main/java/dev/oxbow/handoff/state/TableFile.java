package dev.oxbow.handoff.state;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Files that tables are in. All methods block. */
final class TableFile {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final int CHUNK_BYTES = 1 << 20;

  private TableFile() {}

  /** Makes a file of zeros in place of one that is there; nobody else may read it. */
  static Descriptor make(Path file, int bytes) {
    try {
      Files.deleteIfExists(file);
      try (FileChannel channel =
          FileChannel.open(
              file,
              Set.of(CREATE_NEW, WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        ByteBuffer zeros = ByteBuffer.allocateDirect(Math.min(bytes, CHUNK_BYTES));
        for (int left = bytes; left > 0; ) {
          left -= channel.write(zeros.clear().limit(Math.min(left, CHUNK_BYTES)));
        }
      }
      return open(file);
    } catch (IOException e) {
      throw new IllegalStateException("no table can be made in " + file + ": " + e, e);
    }
  }

  /** A file that is there and has so many bytes at least, or null. */
  static @Nullable Descriptor find(Path file, int bytes) {
    return Files.isRegularFile(file) && bytes(file) >= bytes ? open(file) : null;
  }

  static long bytes(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new IllegalStateException("a table cannot be looked at: " + e, e);
    }
  }

  private static Descriptor open(Path file) {
    return Descriptor.adopt(
        Syscalls.open(file.toString(), Syscalls.O_RDWR | Syscalls.O_CLOEXEC, 0));
  }

  /** What tells one start of the machine from another; never 0. */
  static long boot() {
    try {
      UUID id = UUID.fromString(Files.readString(BOOT_ID).strip());
      return (id.getMostSignificantBits() ^ id.getLeastSignificantBits()) | 1;
    } catch (IOException e) {
      throw new IllegalStateException("/proc is needed: " + e, e);
    }
  }
}

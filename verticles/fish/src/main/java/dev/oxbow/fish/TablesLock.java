package dev.oxbow.fish;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Sees to it that files of tables are those of one Fish and of its successors: an flock(2) on a
 * file beside them, which only this process's user may open. It ends with the last copy of its
 * descriptor, however the processes end. All methods block.
 *
 * @param descriptor locked; owned by this object
 */
record TablesLock(Path file, Descriptor descriptor) implements AutoCloseable {
  private static final int MODE = 0600;
  private static final int TRIES = 100;

  /** Beside the files that begin so. */
  static Path file(Path files) {
    return files.resolveSibling(files.getFileName() + ".tables.lock");
  }

  /**
   * Takes it.
   *
   * @param file as {@link #file} says
   * @throws StartException naming the file, when another has it
   */
  static TablesLock open(Path file) {
    for (int i = 0; i < TRIES; i++) {
      Descriptor opened = openFile(file);
      try {
        if (!Syscalls.tryLock(opened.fd())) {
          throw new StartException(
              file
                  + " is locked by another Fish, and the files beside it are that one's."
                  + " Give this one another runtimeDir or fish.device.");
        }
        if (isStill(file, opened)) {
          return new TablesLock(file, opened);
        }
      } catch (RuntimeException e) {
        opened.close();
        throw e;
      }
      // Its holder has removed it meanwhile: somebody else may have made another.
      opened.close();
    }
    throw new StartException(file + " is removed again and again while it is being locked.");
  }

  private static Descriptor openFile(Path file) {
    int flags = Syscalls.O_RDWR | Syscalls.O_CREAT | Syscalls.O_CLOEXEC;
    try {
      return Descriptor.adopt(Syscalls.open(file.toString(), flags, MODE));
    } catch (LinuxException e) {
      throw new StartException(file + " cannot be opened: " + e.getMessage(), e);
    }
  }

  private static boolean isStill(Path file, Descriptor opened) {
    try {
      return Files.isSameFile(Path.of("/proc/self/fd/" + opened.fd()), file);
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      throw new StartException(file + " cannot be looked at: " + e, e);
    }
  }

  /**
   * Removes the file and gives up the lock: nobody shares it.
   *
   * @throws StartException saying why the file stays; the lock is given up
   */
  void delete() {
    try (descriptor) {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new StartException(file + " cannot be removed: " + e, e);
    }
  }

  /** Gives up this process's part of it. Idempotent. */
  @Override
  public void close() {
    descriptor.close();
  }
}

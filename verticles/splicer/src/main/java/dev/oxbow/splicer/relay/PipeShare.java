package dev.oxbow.splicer.relay;

import dev.oxbow.fdpassing.descriptor.Pipe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What pipes of relays may take of the memory that the kernel allows a user for pipes
 * (fs.pipe-user-pages-soft, pipe(7)). Beyond that it gives pipes of two pages only, and a prelude
 * that is longer would be refused; so relays leave an eighth of it to preludes, and have small
 * pipes of their own when the rest is used up. Thread-safe.
 */
final class PipeShare {
  private static final Logger log = LoggerFactory.getLogger(PipeShare.class);

  private static final int PAGE_BYTES = 4096;

  /** What the kernel grants at least: PIPE_MIN_DEF_BUFFERS, fs/pipe.c. */
  static final int SMALL_BYTES = 2 * PAGE_BYTES;

  /** One of so many parts is left. */
  private static final int PARTS = 8;

  // Bits of CapEff: who has one of them is not limited, pipe_is_unprivileged_user() in fs/pipe.c.
  private static final long CAP_SYS_ADMIN = 1L << 21;
  private static final long CAP_SYS_RESOURCE = 1L << 24;

  private final long mostBytes;
  private final AtomicLong taken = new AtomicLong();

  /**
   * @param userBytes what the user may have in all
   */
  PipeShare(long userBytes) {
    this.mostBytes = userBytes - userBytes / PARTS;
  }

  /** One without a limit. */
  static PipeShare unlimited() {
    return new PipeShare(Long.MAX_VALUE);
  }

  /** That of the user of this process. */
  static PipeShare ofThisProcess() {
    try {
      long pages = Long.parseLong(read("/proc/sys/fs/pipe-user-pages-soft").strip());
      return pages == 0 || mayExceed(read("/proc/self/status"))
          ? unlimited()
          : new PipeShare(pages * PAGE_BYTES);
    } catch (IOException | NumberFormatException e) {
      log.warn("the limit of pipe memory is not known: {}", e.toString());
      return unlimited();
    }
  }

  private static boolean mayExceed(String status) {
    return status
        .lines()
        .filter(line -> line.startsWith("CapEff:"))
        .mapToLong(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
        .anyMatch(bits -> (bits & (CAP_SYS_ADMIN | CAP_SYS_RESOURCE)) != 0);
  }

  private static String read(String file) throws IOException {
    // Not readString: it asks for one byte first, and /proc/sys then says that was all.
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  /** What pipes have taken of it. */
  long takenBytes() {
    return taken.get();
  }

  /** A pipe comes in: as large as wanted if there is room for that, else small. */
  Pipe enter(Pipe pipe, int wantedBytes) {
    int wanted = Math.max(wantedBytes, pipe.capacity());
    boolean fits = taken.addAndGet(wanted) <= mostBytes;
    Pipe sized = fits ? pipe.grow(wanted) : pipe.shrink(SMALL_BYTES);
    taken.addAndGet(sized.capacity() - (long) wanted);
    return sized;
  }

  /** A pipe that is in grows, if there is room for that. */
  Pipe grow(Pipe pipe, int wantedBytes) {
    int more = wantedBytes - pipe.capacity();
    if (more <= 0) {
      return pipe;
    }
    boolean fits = taken.addAndGet(more) <= mostBytes;
    Pipe grown = fits ? pipe.grow(wantedBytes) : pipe;
    taken.addAndGet(grown.capacity() - (long) wantedBytes);
    return grown;
  }

  /** A pipe comes in as it is: another process has sized it. */
  void count(Pipe pipe) {
    taken.addAndGet(pipe.capacity());
  }

  /** A pipe is closed, or given away. */
  void leave(Pipe pipe) {
    taken.addAndGet(-pipe.capacity());
  }
}

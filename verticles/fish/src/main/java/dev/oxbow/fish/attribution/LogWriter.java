package dev.oxbow.fish.attribution;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what changes, on a thread of its own. Each file begins with all that is held at that time,
 * so that it can be understood without those before it, and old ones can go.
 *
 * <p>Whoever tells of a change never waits: when the disk does not keep up, changes are lost and
 * counted, and the log says so. What is held is not known any more then, so that all of it must be
 * told again ({@link #wantsEverything}). When a file cannot be written, the next one is tried a
 * while later.
 */
final class LogWriter {
  private static final Logger log = LoggerFactory.getLogger(LogWriter.class);

  /** Half of it is for sessions, which are told once only. */
  private static final int MOST_WAITING = 1 << 17;

  /** Bytes of members that wait at most, so that a full disk does not fill the memory; so, too. */
  private static final long MOST_WAITING_BYTES = 32 << 20;

  /** Sessions that are over and still known at most, before one looks which may be forgotten. */
  private static final int MOST_ENDED = 1024;

  /** Also without a change a file is not written longer than that, and old ones go. */
  private static final Duration MOST_AGE = Duration.ofDays(1);

  private static final long LOOK_MS = 500;
  private static final int BATCH = 1024;
  private static final Duration PAUSE = Duration.ofSeconds(10);
  private static final RawJson NOTHING = RawJson.of("{}");

  private final LogBounds bounds;
  private final Clock clock;
  private final BlockingQueue<Change> waiting = new LinkedBlockingQueue<>(MOST_WAITING);
  private final Map<Long, Change.Taken> held = new LinkedHashMap<>();
  private final Map<String, Change.SessionBegan> sessions = new LinkedHashMap<>();
  private final Set<String> ended = new HashSet<>();
  private final AtomicLong written = new AtomicLong();
  private final AtomicLong lost = new AtomicLong();
  private final AtomicLong waitingBytes = new AtomicLong();
  private final Thread thread = new Thread(this::run, "fish-block-log");
  private final Promise<Void> done = Promise.promise();
  private @Nullable LogFile file;
  private long limit;
  private Instant notBefore = Instant.MIN;
  private long saidLost;
  private int forgetAt = MOST_ENDED;

  /** Changes were lost, and everything is to be told before anything else. Any thread. */
  private volatile boolean gap;

  /** Until then another process may be writing. */
  private boolean begun;

  LogWriter(LogBounds bounds, Clock clock) {
    this.bounds = bounds;
    this.clock = clock;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Never waits. */
  void tell(Change change) {
    if (change instanceof Change.Everything) {
      gap = false;
    }
    long bytes = waitingBytes.addAndGet(change.bytes());
    boolean refused =
        !change.isOfSession()
            && (gap || bytes > MOST_WAITING_BYTES / 2 || waiting.size() >= MOST_WAITING / 2);
    if (refused || bytes > MOST_WAITING_BYTES || !waiting.offer(change)) {
      waitingBytes.addAndGet(-change.bytes());
      lost.incrementAndGet();
      gap = true;
    }
  }

  /** Whether changes were lost, and there is room to tell of everything that is held. */
  boolean wantsEverything() {
    return gap && waiting.isEmpty();
  }

  /** Sessions that the next file would begin with; when it has ended. */
  int sessions() {
    return sessions.size();
  }

  /** Changes that were written. */
  long written() {
    return written.get();
  }

  /** Changes that were not. */
  long lost() {
    return lost.get();
  }

  /** Writes what waits, and ends; completes when that is done. Any thread. */
  Future<Void> end(boolean inOrder) {
    if (!waiting.offer(new Change.End(clock.millis(), inOrder))) {
      // So many wait that nobody is writing them.
      thread.interrupt();
    }
    return done.future();
  }

  private void run() {
    List<Change> batch = new ArrayList<>();
    try {
      boolean more = true;
      while (more) {
        Change first = waiting.poll(LOOK_MS, TimeUnit.MILLISECONDS);
        if (first == null) {
          lookAtAge();
          continue;
        }
        batch.add(first);
        waiting.drainTo(batch, BATCH);
        more = !(batch.get(batch.size() - 1) instanceof Change.End);
        batch.forEach(change -> waitingBytes.addAndGet(-change.bytes()));
        write(batch);
        batch.clear();
      }
    } catch (InterruptedException e) {
      log.warn("the log of ports was interrupted", e);
    } finally {
      closeFile();
      done.complete();
    }
  }

  private void lookAtAge() {
    LogFile current = file;
    if (current != null && isOld(current)) {
      try {
        begin(clock.millis());
      } catch (IOException e) {
        failed(0, e);
      }
    }
  }

  private boolean isOld(LogFile current) {
    return clock.millis() - current.beganMs() >= MOST_AGE.toMillis();
  }

  private void write(List<Change> batch) {
    try {
      for (Change change : batch) {
        write(change);
      }
      if (file != null) {
        tellOfLost(file, clock.millis());
        file.flush();
        written.addAndGet(batch.size());
      }
    } catch (IOException e) {
      failed(batch.size(), e);
    }
  }

  private void failed(int changes, IOException e) {
    notBefore = clock.instant().plus(PAUSE);
    lost.addAndGet(changes);
    log.error(
        "the log of ports in {} cannot be written, next try in {} s: {}",
        bounds.directory(),
        PAUSE.toSeconds(),
        e.toString());
    closeFile();
  }

  private void tellOfLost(LogFile in, long now) throws IOException {
    long unsaid = lost.get() - saidLost;
    if (unsaid > 0) {
      in.line(now, "lost", number("count", unsaid));
      saidLost += unsaid;
    }
  }

  private void write(Change change) throws IOException {
    Line line = remember(change);
    if (!begun || (change instanceof Change.End && file == null)) {
      return;
    }
    if (file == null || change instanceof Change.Everything) {
      if (clock.instant().isBefore(notBefore)) {
        lost.incrementAndGet();
        return;
      }
      // What is held after the change is what the file begins with.
      LogFile next = begin(change.timeMs());
      if (line != null && change instanceof Change.Connection) {
        next.line(line.timeMs, line.event, line.members);
      }
      return;
    }
    if (line != null) {
      file.line(line.timeMs, line.event, line.members);
    }
    if ((file.size() > limit || isOld(file)) && !(change instanceof Change.End)) {
      begin(change.timeMs());
    }
  }

  private record Line(long timeMs, String event, RawJson members) {}

  /** Keeps what the next file begins with; what this one is to say, or null. */
  private @Nullable Line remember(Change change) {
    if (change instanceof Change.Taken taken) {
      held.put(taken.key(), taken);
      return new Line(taken.timeMs(), "taken", taken.members());
    }
    if (change instanceof Change.Released released) {
      Change.Taken taken = held.remove(released.key());
      return taken == null ? null : new Line(released.timeMs(), "released", taken.members());
    }
    if (change instanceof Change.Connection connection) {
      String event = connection.ended() ? "ended" : "began";
      return new Line(connection.timeMs(), event, connection.members());
    }
    if (change instanceof Change.SessionBegan session) {
      sessions.put(session.session(), session);
      return new Line(session.timeMs(), "session", session.members());
    }
    if (change instanceof Change.SessionEnded session) {
      ended.add(session.session());
      if (ended.size() > forgetAt) {
        forgetSessions();
        forgetAt = MOST_ENDED + 2 * ended.size();
      }
    } else if (change instanceof Change.Everything everything) {
      begun = true;
      held.clear();
      everything.held().forEach(taken -> held.put(taken.key(), taken));
    } else if (change instanceof Change.End end && end.inOrder()) {
      return new Line(end.timeMs(), "stop", NOTHING);
    }
    return null;
  }

  /** A new file, with all that is held. */
  private LogFile begin(long now) throws IOException {
    closeFile();
    LogFile next = LogFile.begin(bounds.directory(), now);
    file = next;
    next.line(now, "start", number("version", LogFile.VERSION));
    tellOfLost(next, now);
    forgetSessions();
    for (Change.SessionBegan session : sessions.values()) {
      next.line(now, "session", session.members());
    }
    for (Change.Taken taken : held.values()) {
      next.line(now, "held", taken.members());
    }
    next.line(now, "listed", NOTHING);
    next.flush();
    limit = Math.max(bounds.fileBytes(), 2 * next.size());
    removeOld();
    return next;
  }

  /** Those that are over, once nothing rests that they had. */
  private void forgetSessions() {
    Set<String> over = new HashSet<>(ended);
    held.values().forEach(taken -> over.remove(taken.session()));
    ended.removeAll(over);
    sessions.keySet().removeAll(over);
  }

  private static RawJson number(String name, long value) {
    return json(new MessageWriter().number(name, value));
  }

  static RawJson json(MessageWriter members) {
    return RawJson.of(new String(members.bytes(), StandardCharsets.UTF_8));
  }

  /** Those that are too many or too old; the newest stays. */
  private void removeOld() throws IOException {
    List<Path> files = LogFile.all(bounds.directory());
    Instant oldest = clock.instant().minus(Duration.ofDays(bounds.days()));
    for (int i = 0; i < files.size() - 1; i++) {
      Path each = files.get(i);
      boolean surplus = files.size() - i > bounds.files();
      try {
        if (surplus || Files.getLastModifiedTime(each).toInstant().isBefore(oldest)) {
          Files.deleteIfExists(each);
        }
      } catch (IOException e) {
        log.warn("{} is too old or too many, and cannot be removed: {}", each, e.toString());
      }
    }
  }

  private void closeFile() {
    LogFile last = file;
    file = null;
    if (last != null) {
      try {
        last.close();
      } catch (IOException e) {
        log.error("the log of ports in {} cannot be closed", bounds.directory(), e);
      }
    }
  }
}

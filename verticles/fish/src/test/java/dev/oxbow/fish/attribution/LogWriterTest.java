package dev.oxbow.fish.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fish.attribution.PortHistory.Answer;
import dev.oxbow.fish.attribution.PortHistory.Holder;
import dev.oxbow.fish.attribution.PortHistory.Question;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of changes that come faster than they can be written. */
@DescriptorLeaks
class LogWriterTest {

  /** More than may wait. */
  private static final int MANY = 200_000;

  /** The other half of the queue is for sessions. */
  private static final int MOST_WAITING = 65_536;

  @TempDir Path directory;

  private static Change.Taken taken(long key, String client) {
    RawJson members =
        LogWriter.json(
            new MessageWriter()
                .string("protocol", "udp")
                .string("address", "203.0.113.7")
                .string("ports", "20000-20031")
                .string("client", client)
                .string("session", "s"));
    return new Change.Taken(System.currentTimeMillis(), key, "s", members);
  }

  @Test
  void whatComesTooFastIsCountedAndTheGapIsClosedByAllThatIsHeld() throws IOException {
    LogBounds bounds = new LogBounds(directory, 1 << 20, 100, 30, false);
    LogWriter writer = new LogWriter(bounds, Clock.systemUTC());
    writer.tell(new Change.Everything(System.currentTimeMillis(), List.of()));
    // As long as nobody writes, which is how a disk looks that hangs.
    for (int i = 0; i < MANY; i++) {
      writer.tell(taken(1, "10.0.0.2"));
    }
    assertThat(writer.lost()).isEqualTo(MANY - MOST_WAITING + 1);
    assertThat(writer.wantsEverything()).isFalse();
    writer.start();
    Await.until("all that waited is written", writer::wantsEverything);
    writer.tell(taken(2, "10.0.0.3"));
    assertThat(writer.lost()).isEqualTo(MANY - MOST_WAITING + 2);
    List<Change.Taken> held = List.of(taken(3, "10.0.0.4"));
    writer.tell(new Change.Everything(System.currentTimeMillis(), held));
    assertThat(writer.wantsEverything()).isFalse();
    EpollVertx.await(writer.end(false));

    Question now = new Question("203.0.113.7", 20_001, null, Instant.now().plusMillis(1));
    Answer answer = PortHistory.who(directory, now);
    assertThat(answer.lost()).isEqualTo(writer.lost());
    assertThat(answer.holders()).extracting(Holder::client).containsExactly("10.0.0.4");
  }

  @Test
  void largeMembersFillTheMemoryNoMoreThanManyDo() {
    LogBounds bounds = new LogBounds(directory, 1 << 20, 100, 30, false);
    LogWriter writer = new LogWriter(bounds, Clock.systemUTC());
    RawJson large = RawJson.of("{\"metadata\":\"" + "x".repeat(4000) + "\"}");
    for (int i = 0; i < MANY / 10; i++) {
      writer.tell(new Change.SessionBegan(System.currentTimeMillis(), "s" + i, large));
    }
    long kept = MANY / 10 - writer.lost();
    assertThat(kept * large.length()).isBetween(31L << 20, 32L << 20);
  }

  @Test
  void sessionsThatAreOverAreForgottenWhileNothingCanBeWritten() throws IOException {
    Path nowhere = Files.writeString(directory.resolve("file"), "").resolve("log");
    LogBounds bounds = new LogBounds(nowhere, 1 << 20, 100, 30, false);
    LogWriter writer = new LogWriter(bounds, Clock.systemUTC());
    writer.start();
    writer.tell(new Change.Everything(System.currentTimeMillis(), List.of()));
    for (int i = 0; i < 10_000; i++) {
      writer.tell(new Change.SessionBegan(System.currentTimeMillis(), "s" + i, RawJson.of("{}")));
      writer.tell(new Change.SessionEnded(System.currentTimeMillis(), "s" + i));
    }
    EpollVertx.await(writer.end(true));
    assertThat(writer.sessions()).isLessThan(2048);
  }
}

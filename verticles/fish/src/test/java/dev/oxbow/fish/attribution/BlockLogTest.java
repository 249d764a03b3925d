package dev.oxbow.fish.attribution;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.attribution.PortHistory.Answer;
import dev.oxbow.fish.attribution.PortHistory.Holder;
import dev.oxbow.fish.attribution.PortHistory.Question;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.handoff.state.StateTable;
import dev.oxbow.service.work.WorkTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log of ports as it is written, and as it answers. */
@DescriptorLeaks
class BlockLogTest {
  private static final Prefix OUTER = Prefix.parse("203.0.113.7");
  private static final Prefix SERVER = Prefix.parse("198.51.100.9");
  private static final long MINUTE_MS = 60_000;
  private static final int UID = 33;

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock();
  private final PortSlice slice = new PortSlice(OUTER.high(), OUTER.low(), 20_000, 20_100);
  private ClientTable clients;
  private FlowTable flows;
  private BlockLog log;

  /** A clock that goes on when the test says so. */
  private static final class ManualClock extends Clock {
    private long nowMs = Instant.parse("2026-11-28T07:00:00Z").toEpochMilli();

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }

    @Override
    public Instant instant() {
      return Instant.ofEpochMilli(nowMs);
    }
  }

  @BeforeEach
  void open() {
    clients = new ClientTable(StateTable.open("clients", ClientTable.layout(100)));
    flows = new FlowTable(StateTable.open("flows", FlowTable.layout(1000)), clients);
  }

  @AfterEach
  void close() {
    flows.close();
    clients.close();
  }

  private BlockLog start(int fileBytes, int files, boolean destinations) {
    LogBounds bounds = new LogBounds(directory, fileBytes, files, 30, destinations);
    log = new BlockLog(bounds, List.of(slice), flows, clients, clock);
    log.begin();
    return log;
  }

  private int client(long session, String address) {
    Prefix parsed = Prefix.parse(address);
    return clients.add(session, UID, parsed.high(), parsed.low());
  }

  /** A connection that has its port. */
  private int take(int client, int port) {
    int flow =
        flows.add(
            client,
            IpProtocol.UDP,
            4000,
            SERVER.high(),
            SERVER.low(),
            53,
            OUTER.high(),
            OUTER.low(),
            port);
    flows.setState(flow, FlowTable.LIVE);
    flows.setSinceMs(flow, clock.millis());
    log.taken(flow);
    return flow;
  }

  private void release(int flow) {
    flows.setState(flow, FlowTable.RESTING);
    log.released(flow);
    flows.remove(flow);
  }

  private Instant minute(int minute) {
    return Instant.parse("2026-11-28T07:00:00Z").plusMillis(minute * MINUTE_MS);
  }

  private void laterTo(int minute) {
    clock.nowMs = minute(minute).toEpochMilli();
  }

  private Answer who(int port, int minute) throws IOException {
    return PortHistory.who(directory, new Question("203.0.113.7", port, null, minute(minute)));
  }

  private List<String> clientsOf(int port, int minute) throws IOException {
    return who(port, minute).holders().stream().map(Holder::client).toList();
  }

  @Test
  void blockIsClientsFromItsFirstConnectionUntilItsLastIsReleased() throws IOException {
    start(1 << 20, 10, false);
    log.sessionBegan(
        WorkTable.name(7), 33, "edge", "blue", RawJson.of("{\"address\":\"x\",\"tenant\":7}"));
    int blue = client(7, "10.0.0.2");
    int red = client(8, "10.0.0.2");
    laterTo(1);
    int first = take(blue, 20_001);
    laterTo(2);
    int second = take(blue, 20_002);
    int other = take(red, 20_040);
    laterTo(3);
    release(first);
    laterTo(4);
    release(second);
    laterTo(5);
    int third = take(blue, 20_003);
    EpollVertx.await(log.end(false));

    assertThat(clientsOf(20_031, 0)).isEmpty();
    Answer answer = who(20_031, 3);
    assertThat(answer.holders())
        .containsExactly(
            new Holder(
                "udp", "20000-20031", "10.0.0.2", null, minute(1), minute(4), WorkTable.name(7)));
    assertThat(answer.sessions().get(WorkTable.name(7)).toString())
        .contains("\"uid\":33", "\"app\":\"edge\"", "\"resume\":\"blue\"", "\"tenant\":7");
    assertThat(answer.since()).isEqualTo(minute(0));
    assertThat(answer.lost() + answer.damaged()).isZero();
    assertThat(who(20_031, 6).holders()).extracting(Holder::until).containsOnlyNulls().hasSize(1);
    assertThat(who(20_096, 3).holders()).extracting(Holder::session).isEmpty();
    assertThat(who(20_040, 3).holders())
        .extracting(Holder::session)
        .containsExactly(WorkTable.name(8));
    assertThat(Files.readString(LogFile.all(directory).get(0))).doesNotContain("198.51.100.9");
    release(other);
    release(third);
  }

  @Test
  void oldFilesGoAndNewOnesSayWhatIsHeld() throws IOException {
    start(1, 3, false);
    int blue = client(7, "10.0.0.2");
    log.sessionBegan(WorkTable.name(7), 0, "edge", null, RawJson.NULL);
    take(blue, 20_001);
    for (int minute = 1; minute <= 50; minute++) {
      laterTo(minute);
      release(take(client(100 + minute, "10.0.0.9"), 20_090));
    }
    EpollVertx.await(log.end(true));

    List<Path> files = LogFile.all(directory);
    assertThat(files).hasSize(3);
    assertThat(Files.readString(files.get(0)))
        .startsWith("{\"time\":")
        .contains("\"event\":\"held\"", "\"app\":\"edge\"");
    assertThat(who(20_001, 0).since()).isAfter(minute(30));
    assertThat(who(20_001, 50).holders())
        .extracting(Holder::client, Holder::until)
        .containsExactly(tuple("10.0.0.2", minute(50)));
    assertThat(who(20_001, 51).holders()).isEmpty();
  }

  @Test
  void whatEndedWhileNobodyWroteEndsAtTheNextStartAtTheLatest() throws IOException {
    start(1 << 20, 10, true);
    int blue = client(7, "10.0.0.2");
    int red = client(8, "10.0.0.3");
    int ends = take(blue, 20_001);
    take(red, 20_002);
    laterTo(1);
    EpollVertx.await(log.end(false));
    Path file = LogFile.all(directory).get(0);
    Files.writeString(file, "{\"time\":\"2026-", UTF_8, StandardOpenOption.APPEND);
    flows.remove(ends);
    laterTo(5);
    start(1 << 20, 10, true);
    laterTo(6);
    EpollVertx.await(log.end(false));

    Answer between = who(20_001, 3);
    assertThat(between.damaged()).isEqualTo(1);
    assertThat(between.holders())
        .extracting(Holder::client, Holder::destination, Holder::until)
        .containsExactly(
            tuple("10.0.0.2:4000", "198.51.100.9:53", minute(5)),
            tuple("10.0.0.2", null, minute(5)),
            tuple("10.0.0.3", null, null));
    assertThat(clientsOf(20_001, 6)).containsExactly("10.0.0.3");
    assertThat(clientsOf(20_002, 6)).containsExactly("10.0.0.3:4000", "10.0.0.3");
  }

  @Test
  void whatCannotBeWrittenIsCountedAndNobodyWaits() throws IOException {
    Path nowhere = Files.writeString(directory.resolve("file"), "").resolve("log");
    LogBounds bounds = new LogBounds(nowhere, 1 << 20, 10, 30, false);
    log = new BlockLog(bounds, List.of(slice), flows, clients, clock);
    log.begin();
    release(take(client(7, "10.0.0.2"), 20_001));
    Await.until("changes are lost", () -> log.lost() >= 3);
    assertThat(log.written()).isZero();
    EpollVertx.await(log.end(true));
  }

  @Test
  void portsThatRestAreOfTheSessionThatHadThemInTheNextProcess() throws IOException {
    start(1 << 20, 10, false);
    int blue = client(7, "10.0.0.2");
    int flow = take(blue, 20_001);
    flows.setState(flow, FlowTable.RESTING);
    clients.leave(blue);
    EpollVertx.await(log.end(false));
    Files.delete(LogFile.all(directory).get(0));
    laterTo(1);
    start(1 << 20, 10, false);
    EpollVertx.await(log.end(false));

    Answer answer = who(20_001, 2);
    assertThat(answer.holders())
        .extracting(Holder::client, Holder::session)
        .containsExactly(tuple("10.0.0.2", WorkTable.name(7)));
    assertThat(answer.sessions().get(WorkTable.name(7)).toString()).contains("\"uid\":" + UID);
    release(flow);
  }

  @Test
  @RequiresRoot
  void fullDiskStopsNobodyAndTheGapIsSaid() throws Exception {
    run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", directory.toString());
    try {
      start(1 << 30, 10, true);
      int blue = client(7, "10.0.0.2");
      Path filler = Files.write(directory.resolve("filler"), new byte[200 << 10]);
      for (int i = 0; log.lost() == 0; i++) {
        assertThat(i).isLessThan(1_000_000);
        release(take(blue, 20_001));
        long told = 2L * i;
        // The disk is to be what is full, not the queue.
        Await.until("the writer follows", () -> log.lost() > 0 || log.written() >= told);
      }
      int stays = take(blue, 20_002);
      Files.delete(filler);
      laterTo(1);
      Await.until("it is written again", () -> writesAgain(blue));
      EpollVertx.await(log.end(false));

      Answer answer = who(20_002, 2);
      assertThat(answer.lost()).isPositive();
      assertThat(answer.holders()).extracting(Holder::client).contains("10.0.0.2");
      release(stays);
    } finally {
      run("umount", directory.toString());
    }
  }

  private boolean writesAgain(int client) {
    long before = log.written();
    release(take(client, 20_050));
    return log.written() > before;
  }

  private static void run(String... command) throws Exception {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  @Test
  void fileIsNotWrittenLongerThanADayAndOldOnesGo() throws IOException {
    LogBounds bounds = new LogBounds(directory, 1 << 20, 3, 30, false);
    log = new BlockLog(bounds, List.of(slice), flows, clients, clock);
    log.begin();
    take(client(7, "10.0.0.2"), 20_001);
    Await.until("the first file", () -> log.written() > 0);
    for (int day = 1; day <= 4; day++) {
      // Nothing changes meanwhile.
      Path last = LogFile.all(directory).get(Math.min(day, 3) - 1);
      laterTo(day * 24 * 60 + 1);
      Await.until("another file", () -> isNotLast(last));
    }
    EpollVertx.await(log.end(false));
    assertThat(LogFile.all(directory)).hasSize(3);
    assertThat(clientsOf(20_001, 4 * 24 * 60)).containsExactly("10.0.0.2");
  }

  private boolean isNotLast(Path file) {
    try {
      List<Path> all = LogFile.all(directory);
      return !all.get(all.size() - 1).equals(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void bytesThatAreNoTextAndHalfALineDoNotHideTheRest() throws IOException {
    start(1 << 20, 10, false);
    take(client(7, "10.0.0.2"), 20_001);
    EpollVertx.await(log.end(false));
    Path file = LogFile.all(directory).get(0);
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xc3, '\n'}, StandardOpenOption.APPEND);
    Files.write(file, new byte[500], StandardOpenOption.APPEND);
    Files.writeString(file, "\n{\"time\":\"2026-11-", UTF_8, StandardOpenOption.APPEND);

    Answer answer = who(20_001, 1);
    assertThat(answer.holders()).extracting(Holder::client).containsExactly("10.0.0.2");
    assertThat(answer.damaged()).isBetween(3L, 4L);
  }
}

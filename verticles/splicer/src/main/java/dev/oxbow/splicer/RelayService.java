package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.handoff.task.TaskGroup;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Reserve;
import dev.oxbow.splicer.RelayPage.Entry;
import dev.oxbow.splicer.SpliceReport.End;
import dev.oxbow.splicer.relay.DataPlane;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.LiveRelay;
import dev.oxbow.splicer.relay.RelayOutcome;
import dev.oxbow.splicer.relay.RelayRecord;
import dev.oxbow.splicer.relay.Side;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The relays of a Splicer, seen from the control loop: checks requests, counts them, starts relays
 * and turns their outcomes into reports. Control loop only.
 */
final class RelayService {

  /** Ids go on where no earlier process can have been: seconds of the clock, then a count. */
  private static final int IDS_PER_SECOND_BITS = 20;

  private static final int RADIX = 36;

  /** Metadata in one page at most, so that a page is built in a moment. */
  private static final int MAX_PAGE_BYTES = 1 << 20;

  private final DataPlane plane;
  private final Reserve reserve;
  private final TaskGroup relays = new TaskGroup();
  private final TreeMap<Long, Live> live = new TreeMap<>();
  private final Set<Long> cookies = new HashSet<>();
  private long lastId = (System.currentTimeMillis() / 1000) << IDS_PER_SECOND_BITS;
  private long finished;
  private final Map<EndReason, Long> byReason = new EnumMap<>(EndReason.class);
  private long bytesMoved;
  private boolean stopping;

  /** A relay that runs, with what is needed for its report. */
  record Live(
      String name,
      boolean guarded,
      Mailbox mailbox,
      RawJson metadata,
      Descriptor a,
      Descriptor b,
      StreamSocket socketA,
      StreamSocket socketB,
      @Nullable LiveRelay running) {

    LiveRelay relay() {
      return Objects.requireNonNull(running);
    }

    private Live on(LiveRelay adopted) {
      return new Live(name, guarded, mailbox, metadata, a, b, socketA, socketB, adopted);
    }
  }

  RelayService(DataPlane plane, Reserve reserve) {
    this.plane = plane;
    this.reserve = reserve;
  }

  /**
   * Starts a relay. The sockets are this service's as soon as it returns, and were counted in the
   * account before.
   *
   * @param mailbox where the report goes
   * @return the relay's id
   * @throws RequestException when it is refused; the sockets are the caller's and untouched
   */
  String splice(Mailbox mailbox, SpliceRequest request) {
    if (stopping) {
      throw new RequestException(ErrorCode.UNAVAILABLE, "the service is stopping");
    }
    Admission admission = Admission.of(mailbox, request, cookies, reserve);
    try {
      return start(admission);
    } catch (RuntimeException e) {
      admission.undo();
      throw e;
    }
  }

  /** What the data plane tells of one relay. */
  private final class Observer implements DataPlane.Observer {
    private final long id;
    private final Preludes preludes;

    Observer(long id, Preludes preludes) {
      this.id = id;
      this.preludes = preludes;
    }

    @Override
    public void preludeWritten(Side to) {
      preludes.countOff(to);
    }

    @Override
    public void finished(RelayOutcome outcome) {
      preludes.countOff(Side.A);
      preludes.countOff(Side.B);
      RelayService.this.finished(id, outcome);
    }
  }

  private String start(Admission admission) {
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      long id = ++lastId;
      LiveRelay relay = plane.attach(admission.spec(id), new Observer(id, admission.preludes()));
      if (relay != null) {
        String name = Long.toString(id, RADIX);
        begin(id, admission.live(name, relay));
        return name;
      }
    }
    throw new RequestException(ErrorCode.QUOTA_EXCEEDED, "the service has no relay left");
  }

  private void begin(long id, Live relay) {
    live.put(id, relay);
    cookies.add(relay.socketA.cookie());
    cookies.add(relay.socketB.cookie());
    relay.mailbox.use();
    relays.begin();
  }

  /** The relays that live. */
  Collection<Live> live() {
    return live.values();
  }

  /** Closes this process's copies of all sockets, and forgets the relays. */
  void abandon() {
    live.values().forEach(relay -> Descriptor.closeAll(List.of(relay.a(), relay.b())));
    live.clear();
  }

  /** Counters for another process, which goes on with them. */
  MessageWriter export() {
    MessageWriter out =
        new MessageWriter()
            .string("kind", "service")
            .number("lastId", lastId)
            .number("finished", finished)
            .number("bytes", bytesMoved)
            .object("ended");
    byReason.forEach((reason, count) -> out.number(reason.wireName(), count));
    return out.end();
  }

  /** Goes on with the counters of another process. */
  void restore(Message record) {
    lastId = Math.max(lastId, record.integer("lastId", 0, Long.MAX_VALUE));
    finished = record.integer("finished", 0, Long.MAX_VALUE);
    bytesMoved = record.integer("bytes", 0, Long.MAX_VALUE);
    Message ended = ReportReader.member(record, "ended");
    ended
        .names()
        .forEach(name -> byReason.put(EndReason.of(name), ended.integer(name, 0, Long.MAX_VALUE)));
  }

  /**
   * Goes on with a relay that another process began; its sockets are this service's.
   *
   * @param slot its place in the ledger
   */
  void adopt(int slot, Live relay) {
    long id = idOf(relay.name);
    Account account = relay.mailbox.account();
    Preludes preludes = new Preludes(account, reserve);
    LiveRelay adopted =
        plane.adopt(
            slot,
            new RelayRecord.Sockets(
                relay.a.fd(),
                relay.b.fd(),
                relay.socketA.tcp(),
                relay.socketB.tcp(),
                relay.guarded),
            new Observer(id, preludes));
    for (Side side : Side.values()) {
      preludes.count(side, adopted.prelude(side));
    }
    account.countWork();
    account.addDescriptors(2);
    account.countBytes(relay.metadata.length());
    begin(id, relay.on(adopted));
  }

  private void finished(long id, RelayOutcome outcome) {
    Live relay = live.remove(id);
    if (relay == null) {
      throw new IllegalStateException("no relay " + Long.toString(id, RADIX));
    }
    cookies.remove(relay.socketA.cookie());
    cookies.remove(relay.socketB.cookie());
    finished++;
    byReason.merge(outcome.reason(), 1L, Long::sum);
    bytesMoved += outcome.aToB().delivered() + outcome.bToA().delivered();
    SpliceReport report = report(relay, outcome);
    Account account = relay.mailbox.account();
    account.removeWork();
    account.addDescriptors(report.descriptors().size() - 2);
    account.countBytes(report.a().undeliveredBytes() + report.b().undeliveredBytes());
    relay.mailbox.post(new FinishedEvent(report));
    relay.mailbox.unuse();
    relays.end();
  }

  private static SpliceReport report(Live relay, RelayOutcome outcome) {
    return new SpliceReport(
        relay.name,
        outcome.reason(),
        outcome.endedBy(),
        outcome.reason() == EndReason.ERROR ? Errno.name(outcome.errno()) : null,
        outcome.aToB().delivered(),
        outcome.bToA().delivered(),
        outcome.durationNanos() / 1_000_000,
        relay.metadata,
        end(relay.a, relay.socketA, outcome.aToB()),
        end(relay.b, relay.socketB, outcome.bToA()));
  }

  private static End end(Descriptor fd, StreamSocket socket, RelayOutcome.Flow from) {
    return new End(
        fd,
        socket.localText(),
        socket.peerText(),
        from.tcpInfo(),
        from.undeliveredBytes(),
        from.undelivered());
  }

  /**
   * The live relays that a client may see, oldest first.
   *
   * @param after an id, or null; it need not live any more
   * @throws RequestException {@code bad-request} when {@code after} cannot be an id, or when {@code
   *     limit} is not 1 to {@link Splicer#MAX_PAGE}
   */
  RelayPage list(Client client, @Nullable String after, int limit) {
    if (limit < 1 || limit > Splicer.MAX_PAGE) {
      throw RequestException.badField(
          "limit", "is " + limit + "; expected 1 to " + Splicer.MAX_PAGE);
    }
    long from = after == null ? 0 : idOf(after);
    if (from < 0) {
      throw RequestException.badField("after", "is not the id of a relay: " + after);
    }
    List<Entry> page = new ArrayList<>();
    long bytes = 0;
    for (Live relay : live.tailMap(from, false).values()) {
      if (!client.owns(relay.mailbox)) {
        continue;
      }
      boolean full = bytes > 0 && bytes + relay.metadata.length() > MAX_PAGE_BYTES;
      if (page.size() == limit || full) {
        return new RelayPage(page, page.get(page.size() - 1).relay());
      }
      bytes += relay.metadata.length();
      page.add(
          new Entry(
              relay.name,
              relay.relay().delivered(Side.A),
              relay.relay().delivered(Side.B),
              relay.relay().ageNanos() / 1_000_000,
              relay.relay().idleNanos() / 1_000_000,
              relay.metadata));
    }
    return new RelayPage(page, null);
  }

  /**
   * Ends a relay early.
   *
   * @throws RequestException {@code not-found} when it is not one of the client's
   */
  void abort(Client client, String name) {
    Live relay = live.get(idOf(name));
    if (relay == null || !client.owns(relay.mailbox)) {
      throw new RequestException(ErrorCode.NOT_FOUND, "relay: no relay " + name);
    }
    relay.relay().end(EndReason.ABORTED);
  }

  /** The number behind a name, or -1. */
  private static long idOf(String name) {
    try {
      long id = Long.parseLong(name, RADIX);
      return Long.toString(id, RADIX).equals(name) ? id : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** Ends all relays as aborted; completes when their reports are in the mailboxes. */
  Future<Void> stop() {
    stopping = true;
    List.copyOf(live.values()).forEach(relay -> relay.relay().end(EndReason.ABORTED));
    return relays.whenIdle();
  }

  /** Writes the Splicer's counters into the open object. */
  void stats(MessageWriter out) {
    DataPlane.Counters counters = plane.counters();
    out.number("relays", live.size())
        .number("finished", finished)
        .number("bytes", bytesMoved)
        .number("pipes", counters.pipes())
        .number("idlePipes", counters.idlePipes())
        .number("stalls", counters.stalls())
        .object("ended");
    for (EndReason reason : EndReason.values()) {
      out.number(reason.wireName(), byReason.getOrDefault(reason, 0L));
    }
    out.end();
  }
}

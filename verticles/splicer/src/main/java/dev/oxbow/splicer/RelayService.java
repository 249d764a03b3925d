package dev.oxbow.splicer;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Reserve;
import dev.oxbow.service.work.LiveWork;
import dev.oxbow.service.work.Page;
import dev.oxbow.service.work.WorkTable;
import dev.oxbow.splicer.RelayPage.Entry;
import dev.oxbow.splicer.SpliceReport.End;
import dev.oxbow.splicer.relay.DataPlane;
import dev.oxbow.splicer.relay.EndReason;
import dev.oxbow.splicer.relay.LiveRelay;
import dev.oxbow.splicer.relay.RelayOutcome;
import dev.oxbow.splicer.relay.RelayRecord;
import dev.oxbow.splicer.relay.Side;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import io.vertx.core.Future;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The relays of a Splicer, seen from the control loop: checks requests, counts them, starts relays
 * and turns their outcomes into reports. Control loop only.
 */
final class RelayService {

  /** What a relay is called in messages. */
  static final String RELAY = "relay";

  private final DataPlane plane;
  private final Reserve reserve;
  private final WorkTable<Live> relays = new WorkTable<>(RELAY, EndReason.values());

  /** Sockets that are in relays, by their cookies: with two of each relay boxes would be heavy. */
  private final LongObjectMap<Boolean> cookies = new LongObjectHashMap<>();

  private long finished;
  private long bytesMoved;

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
      @Nullable LiveRelay running)
      implements LiveWork {

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
    relays.requireOpen();
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
    private @Nullable Preludes preludes;

    Observer(long id) {
      this.id = id;
    }

    /** Most relays have none, and hold nothing for them. */
    void count(Preludes counted) {
      preludes = counted.any() ? counted : null;
    }

    @Override
    public void preludeWritten(Side to) {
      if (preludes != null) {
        preludes.countOff(to);
      }
    }

    @Override
    public void finished(RelayOutcome outcome) {
      preludeWritten(Side.A);
      preludeWritten(Side.B);
      RelayService.this.finished(id, outcome);
    }
  }

  private String start(Admission admission) {
    for (int group = 0; group < DataPlane.GROUPS; group++) {
      long id = relays.newId();
      Observer observer = new Observer(id);
      observer.count(admission.preludes());
      LiveRelay relay = plane.attach(admission.spec(id), observer);
      if (relay != null) {
        String name = WorkTable.name(id);
        begin(id, admission.live(name, relay));
        return name;
      }
    }
    throw new RequestException(ErrorCode.QUOTA_EXCEEDED, "the service has no relay left");
  }

  private void begin(long id, Live relay) {
    relays.begin(id, relay);
    cookies.put(relay.socketA.cookie(), Boolean.TRUE);
    cookies.put(relay.socketB.cookie(), Boolean.TRUE);
  }

  /** The relays that live. */
  Collection<Live> live() {
    return relays.live();
  }

  /** Closes this process's copies of all sockets, and forgets the relays. */
  void forget() {
    live().forEach(relay -> Descriptor.closeAll(List.of(relay.a(), relay.b())));
    relays.clear();
  }

  /** Writes what another process needs to go on, besides the table. */
  void export(MessageWriter out) {
    out.number("finished", finished).number("bytes", bytesMoved);
  }

  /** Goes on from what another process wrote. */
  void restore(Message record) {
    relays.restore(record);
    finished = record.integer("finished", 0, Long.MAX_VALUE);
    bytesMoved = record.integer("bytes", 0, Long.MAX_VALUE);
  }

  /**
   * Goes on with a relay that another process began; its sockets are this service's.
   *
   * @param slot its place in the ledger
   */
  void adopt(int slot, Live relay) {
    long id = WorkTable.idOf(relay.name);
    Account account = relay.mailbox.account();
    Preludes preludes = new Preludes(account, reserve);
    Observer observer = new Observer(id);
    LiveRelay adopted =
        plane.adopt(
            slot,
            new RelayRecord.Sockets(
                relay.a.fd(),
                relay.b.fd(),
                relay.socketA.tcp(),
                relay.socketB.tcp(),
                relay.guarded),
            observer);
    for (Side side : Side.values()) {
      preludes.count(side, adopted.prelude(side));
    }
    observer.count(preludes);
    account.countWork();
    account.addDescriptors(2);
    account.countBytes(relay.metadata.length());
    begin(id, relay.on(adopted));
  }

  private void finished(long id, RelayOutcome outcome) {
    Live relay = relays.remove(id);
    cookies.remove(relay.socketA.cookie());
    cookies.remove(relay.socketB.cookie());
    finished++;
    bytesMoved += outcome.aToB().delivered() + outcome.bToA().delivered();
    SpliceReport report = report(relay, outcome);
    Account account = relay.mailbox.account();
    account.removeWork();
    account.addDescriptors(report.descriptors().size() - 2);
    account.countBytes(report.a().undeliveredBytes() + report.b().undeliveredBytes());
    relay.mailbox.post(new FinishedEvent(report));
    relays.ended(relay, outcome.reason());
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

  /** The relays that live, with what callers may ask of them. */
  WorkTable<Live> table() {
    return relays;
  }

  /** A page of them for the Java API. */
  RelayPage list(Client client, @Nullable String after, int limit) {
    Page<Entry> page = relays.list(client, after, limit).map(RelayService::entry);
    return new RelayPage(page.items(), page.next());
  }

  private static Entry entry(Live relay) {
    LiveRelay running = relay.relay();
    return new Entry(
        relay.name,
        running.delivered(Side.A),
        running.delivered(Side.B),
        running.ageNanos() / 1_000_000,
        running.idleNanos() / 1_000_000,
        relay.metadata);
  }

  /** Ends a relay early; its report follows. */
  static void end(Live relay) {
    relay.relay().end(EndReason.ABORTED);
  }

  /** Ends all relays as aborted; completes when their reports are in the mailboxes. */
  Future<Void> stop() {
    return relays.stop(RelayService::end);
  }

  /** Writes the Splicer's counters into the open object. */
  void stats(MessageWriter out) {
    DataPlane.Counters counters = plane.counters();
    out.number("relays", live().size())
        .number("finished", finished)
        .number("bytes", bytesMoved)
        .number("pipes", counters.pipes())
        .number("idlePipes", counters.idlePipes())
        .number("stalls", counters.stalls());
    relays.stats(out);
  }
}

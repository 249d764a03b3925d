package dev.oxbow.bumblebee;

import dev.oxbow.bumblebee.TunnelPage.Entry;
import dev.oxbow.bumblebee.tunnel.AcceptedConnection;
import dev.oxbow.bumblebee.tunnel.LiveTunnel;
import dev.oxbow.bumblebee.tunnel.TunnelPlane;
import dev.oxbow.bumblebee.tunnel.TunnelSpec;
import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.service.control.Client;
import dev.oxbow.service.flow.ClosedEvent;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.Flow;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowOutcome;
import dev.oxbow.service.flow.Flows;
import dev.oxbow.service.mailbox.Mailbox;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.work.LiveWork;
import dev.oxbow.service.work.Page;
import dev.oxbow.service.work.WorkTable;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The tunnels of a Bumblebee, seen from the control loop: checks requests, counts them, opens
 * tunnels and turns what they tell into events. Control loop only.
 */
final class TunnelService {
  /** What a tunnel is called in messages. */
  static final String TUNNEL = "tunnel";

  private static final Map<String, Integer> OFFLOADS =
      new TreeMap<>(
          Map.of(
              "csum", Tun.TUN_F_CSUM,
              "tso4", Tun.TUN_F_TSO4,
              "tso6", Tun.TUN_F_TSO6,
              "uso", Tun.UDP_OFFLOADS));

  private final TunnelPlane plane;
  private final Path directory;
  private final WorkTable<Live> tunnels = new WorkTable<>(TUNNEL, EndReason.values());
  private final Flows flows = new Flows();
  private final ConnectionCounts counts = new ConnectionCounts();
  private long refused;

  /** A tunnel that runs, with what is needed for its report. */
  record Live(
      String name,
      Mailbox mailbox,
      RawJson metadata,
      Descriptor descriptor,
      Flow flow,
      @Nullable LiveTunnel running)
      implements LiveWork {

    LiveTunnel tunnel() {
      return Objects.requireNonNull(running);
    }

    Account account() {
      return mailbox.account();
    }

    private Live on(LiveTunnel adopted) {
      return new Live(name, mailbox, metadata, descriptor, flow, adopted);
    }
  }

  /**
   * @param directory of the control sockets
   */
  TunnelService(TunnelPlane plane, Path directory) {
    this.plane = plane;
    this.directory = directory;
  }

  /** The tunnels that live, with what callers may ask of them. */
  WorkTable<Live> table() {
    return tunnels;
  }

  /**
   * Opens a tunnel. The flow is this service's as soon as it returns, and was counted in the
   * account before.
   *
   * @param mailbox where connections and the report go
   * @return the tunnel's id
   * @throws RequestException when it is refused; the flow is the caller's and untouched
   */
  String upgrade(Mailbox mailbox, UpgradeRequest request) {
    tunnels.requireOpen();
    request.requireOpen();
    Account account = mailbox.account();
    account.checkMetadata(request.metadata());
    Flow flow = Flow.examine(ClosedEvent.FLOW, request.flow().fd(), directory);
    if (request.vnetHdr() && flow.kind() == FlowKind.TUN) {
      throw RequestException.badField("vnetHdr", "true, but this tun has no IFF_VNET_HDR");
    }
    flows.requireNew(ClosedEvent.FLOW, flow);
    account.addWork(account.limits().getTunnels(), "tunnels");
    try {
      account.addBytes(request.metadata().length());
      try {
        return start(mailbox, request, flow);
      } catch (RuntimeException e) {
        account.removeBytes(request.metadata().length());
        throw e;
      }
    } catch (RuntimeException e) {
      account.removeWork();
      throw e;
    }
  }

  private String start(Mailbox mailbox, UpgradeRequest request, Flow flow) {
    for (int group = 0; group < TunnelPlane.GROUPS; group++) {
      long id = tunnels.newId();
      LiveTunnel running = plane.attach(spec(id, mailbox, request, flow), new Observer(id));
      if (running != null) {
        String name = WorkTable.name(id);
        Live live = new Live(name, mailbox, request.metadata(), request.flow(), flow, running);
        begin(id, live);
        return name;
      }
    }
    throw new RequestException(
        ErrorCode.QUOTA_EXCEEDED, "the service has no tunnel left (bumblebee.maxTunnels)");
  }

  private void begin(long id, Live live) {
    flows.add(live.flow);
    tunnels.begin(id, live);
  }

  private static TunnelSpec spec(long id, Mailbox mailbox, UpgradeRequest request, Flow flow) {
    return new TunnelSpec(
        id,
        mailbox.account().uid(),
        flow.fd(),
        flow.kind(),
        request.mtu(),
        request.vnetHdr() && flow.kind().isSocket());
  }

  /** What the data plane tells of one tunnel. */
  private final class Observer implements TunnelPlane.Observer {
    private final long id;

    Observer(long id) {
      this.id = id;
    }

    @Override
    public void connected(AcceptedConnection connection) {
      TunnelService.this.connected(id, connection);
    }

    @Override
    public void closed(FlowOutcome outcome) {
      TunnelService.this.closed(id, outcome);
    }
  }

  private void connected(long id, AcceptedConnection accepted) {
    Descriptor socket = accepted.socket();
    Live live = tunnels.get(id);
    if (live == null) {
      throw new IllegalStateException("a connection of no tunnel: " + WorkTable.name(id));
    }
    Account account = live.account();
    account.addDescriptors(1);
    if (!admits(account, live)) {
      refused++;
      account.close(List.of(socket), Account.Manner.RESET);
      return;
    }
    live.mailbox.post(
        new ConnectedEvent(
            new TunnelConnection(
                Long.toUnsignedString(accepted.id(), Character.MAX_RADIX),
                live.name,
                accepted.client(),
                accepted.destination(),
                live.metadata,
                socket)));
  }

  /** Counts what the event will hold; false when a quota stands in the way. */
  private boolean admits(Account account, Live live) {
    if (!counts.admits(account, tunnels.live())) {
      return false;
    }
    try {
      account.checkDescriptors();
      account.addBytes(live.metadata.length());
      return true;
    } catch (RequestException e) {
      return false;
    }
  }

  private void closed(long id, FlowOutcome outcome) {
    Live live = tunnels.remove(id);
    flows.remove(live.flow);
    live.account().removeWork();
    live.mailbox.post(ClosedEvent.of(TUNNEL, live.name, outcome, live.metadata, live.descriptor));
    tunnels.ended(live, outcome.reason());
  }

  /** Writes what another process needs to go on, besides the table. */
  void export(MessageWriter out) {
    out.number("refused", refused);
  }

  /** Goes on from what another process wrote. */
  void restore(Message record) {
    tunnels.restore(record);
    refused = record.integer("refused", 0, Long.MAX_VALUE);
  }

  /**
   * Goes on with a tunnel that another process began; its flow is this service's.
   *
   * @param slot its place in the ledger
   */
  void adopt(int slot, Live live) {
    long id = WorkTable.idOf(live.name);
    LiveTunnel adopted = plane.adopt(slot, live.flow.fd(), new Observer(id));
    Account account = live.account();
    account.countWork();
    account.addDescriptors(1);
    account.countBytes(live.metadata.length());
    begin(id, live.on(adopted));
  }

  /** Closes this process's copies of all flows, and forgets the tunnels. */
  void forget() {
    tunnels.live().forEach(live -> live.descriptor.close());
    tunnels.clear();
  }

  /** A page of them for the Java API. */
  TunnelPage list(Client client, @Nullable String after, int limit) {
    Page<Entry> page = tunnels.list(client, after, limit).map(TunnelService::entry);
    return new TunnelPage(page.items(), page.next());
  }

  private static Entry entry(Live live) {
    LiveTunnel tunnel = live.tunnel();
    return new Entry(
        live.name,
        tunnel.connections(),
        tunnel.packets(),
        tunnel.ageNanos() / 1_000_000,
        tunnel.idleNanos() / 1_000_000,
        live.metadata);
  }

  /** Ends a tunnel early; its report follows. */
  static void end(Live live) {
    live.tunnel().end(EndReason.ABORTED);
  }

  /** Ends all tunnels as aborted; completes when their reports are in the mailboxes. */
  Future<Void> stop() {
    return tunnels.stop(TunnelService::end);
  }

  /** Writes Bumblebee's counters into the open object. */
  void stats(MessageWriter out) {
    TunnelPlane.Counters all = plane.counters();
    out.number("tunnels", tunnels.live().size())
        .number("tunnelConnections", all.connections())
        .number("accepted", all.accepted())
        .number("refused", refused)
        .number("devices", all.devices())
        .object("offloads");
    OFFLOADS.forEach((name, flag) -> out.number(name, (all.offloads() & flag) == flag ? 1 : 0));
    out.end()
        .object("packets")
        .number("in", all.packetsIn())
        .number("out", all.packetsOut())
        .number("dropped", all.dropped())
        .number("kernelDropped", all.kernelDropped())
        .end();
    tunnels.stats(out);
  }
}

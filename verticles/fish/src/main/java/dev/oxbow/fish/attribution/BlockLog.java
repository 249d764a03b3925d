package dev.oxbow.fish.attribution;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.tcp.SocketAddresses;
import dev.oxbow.config.FishOptions;
import dev.oxbow.fish.network.Prefix;
import dev.oxbow.fish.ports.BlockUses;
import dev.oxbow.fish.ports.ClientTable;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.fish.ports.PortSlice;
import dev.oxbow.fish.ports.PortUses;
import dev.oxbow.service.work.WorkTable;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Notes which client has connections in which block of ports from when to when (RFC 6888, section
 * 4): a block counts as a client's from its first connection there until the port of its last one
 * has rested. Where those went is not noted unless the bounds say so (REQ-12). Loop thread only,
 * but for {@link #end}; nothing here waits for the disk.
 */
public final class BlockLog implements PortUses {

  /** Longer metadata is left out: the log is to be about who, not to keep everything. */
  private static final int MOST_METADATA_BYTES = 4096;

  private final LogBounds bounds;
  private final List<PortSlice> slices;
  private final FlowTable flows;
  private final ClientTable clients;
  private final Clock clock;
  private final BlockUses uses;
  private final LogWriter writer;

  /**
   * @param flows stay their owner's
   * @param clients stay their owner's
   */
  public BlockLog(
      LogBounds bounds, List<PortSlice> slices, FlowTable flows, ClientTable clients, Clock clock) {
    this.bounds = bounds;
    this.slices = slices;
    this.flows = flows;
    this.clients = clients;
    this.clock = clock;
    this.uses = new BlockUses(flows.capacity());
    this.writer = new LogWriter(bounds, clock);
    writer.start();
  }

  /** What a configuration wants; null: nothing. */
  public static PortUses.@Nullable Source<BlockLog> source(FishOptions options) {
    String directory = options.getLogDirectory();
    if (directory == null) {
      return null;
    }
    LogBounds bounds =
        new LogBounds(
            Path.of(directory),
            options.getLogFileBytes(),
            options.getLogFiles(),
            options.getLogDays(),
            options.logsConnections());
    return (slices, flows, clients) ->
        new BlockLog(bounds, slices, flows, clients, Clock.systemUTC());
  }

  @Override
  public void begin() {
    uses.clear();
    long now = clock.millis();
    List<Change.Taken> held = new ArrayList<>();
    for (int flow = 0; flow < flows.capacity(); flow++) {
      int slice = counts(flow) ? slice(flow) : -1;
      if (slice >= 0) {
        long key = key(flow, slice);
        if (uses.add(key) == 1) {
          held.add(taken(now, key, flow, slice));
          tellOfOver(flows.client(flow));
        }
      }
    }
    writer.tell(new Change.Everything(now, held));
  }

  /** Of a session that ended in another process, with ports that rest, it knows the uid. */
  private void tellOfOver(int client) {
    if (clients.session(client) == ClientTable.NOBODY) {
      String session = WorkTable.name(clients.origin(client));
      sessionBegan(session, clients.uid(client), null, null, RawJson.NULL);
      sessionEnded(session);
    }
  }

  /** Whether a connection has its port: not one that the kernel has not agreed to. */
  private boolean counts(int flow) {
    int state = flows.state(flow);
    return flows.client(flow) != 0 && (state == FlowTable.LIVE || state == FlowTable.RESTING);
  }

  @Override
  public void taken(int flow) {
    int slice = slice(flow);
    if (slice < 0) {
      return;
    }
    long key = key(flow, slice);
    if (!caughtUp() && uses.add(key) == 1) {
      writer.tell(taken(clock.millis(), key, flow, slice));
    }
    if (bounds.destinations()) {
      writer.tell(new Change.Connection(clock.millis(), false, connection(flow, slice)));
    }
  }

  @Override
  public void released(int flow) {
    int slice = counts(flow) ? slice(flow) : -1;
    if (slice < 0) {
      return;
    }
    caughtUp();
    if (bounds.destinations()) {
      writer.tell(new Change.Connection(clock.millis(), true, connection(flow, slice)));
    }
    long key = key(flow, slice);
    if (uses.remove(key) == 0) {
      writer.tell(new Change.Released(clock.millis(), key));
    }
  }

  /** After changes were lost it tells of all that is held, by this flow, too. */
  private boolean caughtUp() {
    boolean wanted = writer.wantsEverything();
    if (wanted) {
      begin();
    }
    return wanted;
  }

  /**
   * A session has begun, or goes on in this process.
   *
   * @param app of its mailbox, or null
   * @param resume its stable name, or null
   */
  public void sessionBegan(
      String session, long uid, @Nullable String app, @Nullable String resume, RawJson metadata) {
    MessageWriter members =
        new MessageWriter().string("session", session).number("uid", uid).string("app", app);
    if (resume != null) {
      members.string("resume", resume);
    }
    if (metadata.length() <= MOST_METADATA_BYTES) {
      members.raw("metadata", metadata);
    } else {
      members.number("metadataBytes", metadata.length());
    }
    writer.tell(new Change.SessionBegan(clock.millis(), session, LogWriter.json(members)));
  }

  /** A session is over. */
  public void sessionEnded(String session) {
    writer.tell(new Change.SessionEnded(clock.millis(), session));
  }

  /** Changes that were written since the start. */
  public long written() {
    return writer.written();
  }

  /** Changes that could not be written since the start. */
  public long lost() {
    return writer.lost();
  }

  /** Writes its counters into the open object. */
  public void stats(MessageWriter out) {
    out.object("log").number("written", written()).number("lost", lost()).end();
  }

  /**
   * Writes what waits, and ends. Any thread.
   *
   * @param inOrder whether all ports are nobody's from here on; else another process goes on
   * @return completes when the last file is closed
   */
  public Future<Void> end(boolean inOrder) {
    return writer.end(inOrder);
  }

  private int slice(int flow) {
    for (int i = 0; i < slices.size(); i++) {
      if (slices
          .get(i)
          .contains(flows.outerHigh(flow), flows.outerLow(flow), flows.outerPort(flow))) {
        return i;
      }
    }
    return -1;
  }

  private long key(int flow, int slice) {
    int row =
        switch (flows.protocol(flow)) {
          case IpProtocol.TCP -> 0;
          case IpProtocol.UDP -> 1;
          default -> 2;
        };
    return BlockUses.key(flows.client(flow), slice, row, flows.outerPort(flow));
  }

  private Change.Taken taken(long timeMs, long key, int flow, int slice) {
    int client = flows.client(flow);
    String session = WorkTable.name(clients.origin(client));
    MessageWriter members =
        common(flow, slice)
            .string("client", Prefix.text(clients.high(client), clients.low(client)))
            .string("session", session);
    return new Change.Taken(timeMs, key, session, LogWriter.json(members));
  }

  private RawJson connection(int flow, int slice) {
    int client = flows.client(flow);
    return LogWriter.json(
        common(flow, slice)
            .number("port", flows.outerPort(flow))
            .string(
                "client",
                SocketAddresses.text(
                    clients.high(client), clients.low(client), flows.clientPort(flow)))
            .string(
                "destination",
                SocketAddresses.text(
                    flows.remoteHigh(flow), flows.remoteLow(flow), flows.remotePort(flow)))
            .string("session", WorkTable.name(clients.origin(client)))
            .number("sinceMs", flows.sinceMs(flow)));
  }

  /** Protocol, address, and the ports of the block that are granted. */
  private MessageWriter common(int flow, int slice) {
    PortSlice of = slices.get(slice);
    int block = flows.outerPort(flow) / PortSlice.BLOCK_PORTS * PortSlice.BLOCK_PORTS;
    int first = Math.max(of.first(), block);
    int last = Math.min(of.last(), block + PortSlice.BLOCK_PORTS - 1);
    String protocol =
        switch (flows.protocol(flow)) {
          case IpProtocol.TCP -> "tcp";
          case IpProtocol.UDP -> "udp";
          default -> "icmp";
        };
    return new MessageWriter()
        .string("protocol", protocol)
        .string("address", Prefix.text(of.high(), of.low()))
        .string("ports", first + "-" + last);
  }
}

package dev.oxbow.fish.session;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fish.ports.FlowTable;
import dev.oxbow.handoff.state.StateTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Five-tuples that still rest when a Fish ends in order, in a file for the next one: to whoever is
 * at the other end a start is no reason to forget (RFC 6888, REQ-8). All methods block.
 *
 * <pre>
 *  0 protocol u8   2 outer port u16   4 remote port u16   8 since ns u64 (CLOCK_MONOTONIC)
 * 16 remote high u64   24 remote low u64   32 outer high u64   40 outer low u64
 * </pre>
 */
final class RestingPorts {
  private static final Logger log = LoggerFactory.getLogger(RestingPorts.class);

  /** "fishrest". */
  private static final long MAGIC = 0x6669_7368_7265_7374L;

  private static final int VERSION = 1;
  private static final int BYTES = 48;

  private RestingPorts() {}

  /** Writes the ports of all connections that there are; no file when there are none. */
  static void save(Path file, FlowTable flows, long nowNanos) {
    delete(file);
    int[] count = new int[1];
    each(flows, flow -> count[0]++);
    if (count[0] == 0) {
      return;
    }
    StateTable table = StateTable.open(file, layout(count[0]));
    NativeMemory memory = table.memory();
    count[0] = 0;
    each(
        flows,
        flow -> {
          int at = table.offset(count[0]++);
          boolean rests = flows.state(flow) == FlowTable.RESTING;
          memory.putByte(at, flows.protocol(flow));
          putPort(memory, at + 2, flows.outerPort(flow));
          putPort(memory, at + 4, flows.remotePort(flow));
          memory.putLong(at + 8, rests ? flows.lastNanos(flow) : nowNanos);
          memory.putLong(at + 16, flows.remoteHigh(flow));
          memory.putLong(at + 24, flows.remoteLow(flow));
          memory.putLong(at + 32, flows.outerHigh(flow));
          memory.putLong(at + 40, flows.outerLow(flow));
        });
    table.close();
  }

  private static void each(FlowTable flows, IntConsumer action) {
    for (int flow = 0; flow < flows.capacity(); flow++) {
      if (flows.state(flow) != FlowTable.FREE) {
        action.accept(flow);
      }
    }
  }

  /** Puts those that have not rested for long enough into an empty table, as nobody's. */
  static void load(Path file, FlowTable flows, long nowNanos) {
    StateTable table = StateTable.find(file, layout(1));
    if (table == null) {
      return;
    }
    NativeMemory memory = table.memory();
    for (int i = 0; i < table.layout().records(); i++) {
      int at = table.offset(i);
      long since = memory.getLong(at + 8);
      if (nowNanos - since <= Sweep.REST_NANOS) {
        int flow =
            flows.add(
                Ports.NOBODY,
                memory.getByte(at) & 0xff,
                getPort(memory, at + 2),
                memory.getLong(at + 16),
                memory.getLong(at + 24),
                getPort(memory, at + 4),
                memory.getLong(at + 32),
                memory.getLong(at + 40),
                getPort(memory, at + 2));
        if (flow < 0) {
          log.warn("fish.maxFlows is too small for all ports that rest since the last end");
          break;
        }
        flows.setState(flow, FlowTable.RESTING);
        // What ends in order is left to a partner.
        flows.setTold(flow);
        flows.touch(flow, since);
      }
    }
    table.close();
  }

  /** Removes the file, if there is one. */
  static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      log.warn("a file of an ended Fish is left behind", e);
    }
  }

  private static StateTable.Layout layout(int records) {
    return new StateTable.Layout(MAGIC, VERSION, VERSION, BYTES, records);
  }

  private static int getPort(NativeMemory memory, int at) {
    return (memory.getByte(at) & 0xff) | ((memory.getByte(at + 1) & 0xff) << 8);
  }

  private static void putPort(NativeMemory memory, int at, int port) {
    memory.putByte(at, port);
    memory.putByte(at + 1, port >> 8);
  }
}

package dev.oxbow.service.testing;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.ArrayList;
import java.util.List;

/**
 * The flow of a client: its tun itself, or a packet socket to which threads of the test carry what
 * comes out of the tun, and back.
 */
public class FlowBridge implements AutoCloseable {
  private static final int ROOM = 70_000;
  private static final int TICK_MS = 20;
  private static final int BUFFER_BYTES = 4 << 20;
  private static final int SO_RCVBUFFORCE = 33;
  private static final int SO_SNDBUFFORCE = 32;

  /** What kinds there are, for parameterized tests. */
  public enum Kind {
    TUN(false, 0),
    TUN_VNET(true, 0),
    SEQPACKET(false, Sockets.SOCK_SEQPACKET),
    SEQPACKET_VNET(true, Sockets.SOCK_SEQPACKET),
    DGRAM(false, Sockets.SOCK_DGRAM);

    /** Whether the tun has IFF_VNET_HDR, and messages its header. */
    public final boolean vnetHdr;

    private final int type;

    Kind(boolean vnetHdr, int type) {
      this.vnetHdr = vnetHdr;
      this.type = type;
    }
  }

  private final Descriptor flow;
  private final List<Descriptor> owned = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Kind kind;
  private volatile boolean closed;

  /**
   * @param device made with {@link Kind#vnetHdr} or without; stays its owner's
   */
  public FlowBridge(Tun device, Kind kind) {
    this.kind = kind;
    Descriptor tun = device.descriptor();
    if (kind.type == 0) {
      flow = tun.duplicate();
      owned.add(flow);
      return;
    }
    long ends = Sockets.socketpair(Sockets.AF_UNIX, kind.type);
    flow = Descriptor.adopt((int) ends);
    Descriptor far = Descriptor.adopt((int) (ends >>> 32));
    for (Descriptor end : List.of(flow, far)) {
      Sockets.setOption(end.fd(), Sockets.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
      Sockets.setOption(end.fd(), Sockets.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
    }
    owned.addAll(List.of(flow, far));
    carry(tun.fd(), far.fd(), true);
    carry(far.fd(), tun.fd(), false);
  }

  private void carry(int from, int to, boolean fromTun) {
    Thread thread = new Thread(() -> pump(from, to, fromTun), "bridge");
    thread.start();
    threads.add(thread);
  }

  private void pump(int from, int to, boolean fromTun) {
    NativeMemory memory = NativeMemory.allocate(ROOM);
    try {
      while (!closed) {
        if (Sockets.poll(from, Sockets.POLLIN, TICK_MS) == 0) {
          continue;
        }
        long n =
            fromTun
                ? Syscalls.read(from, memory.address(), ROOM)
                : Sockets.recv(from, memory.address(), ROOM, Sockets.MSG_DONTWAIT);
        if (n == 0) {
          return;
        }
        if (n > 0 && fromTun) {
          Sockets.send(to, memory.address(), n, 0);
        } else if (n > 0) {
          Syscalls.write(to, memory.address(), n);
        }
      }
    } catch (LinuxException e) {
      // The other end is gone, which is how a tunnel ends.
      closed = true;
    }
  }

  /** The flow's descriptor, owned by this. */
  public final Descriptor flow() {
    return flow;
  }

  /** Whether a request has to say that messages have a header. */
  public final boolean saysVnetHdr() {
    return kind.vnetHdr && kind.type != 0;
  }

  @Override
  public void close() {
    closed = true;
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    Descriptor.closeAll(owned);
  }
}

package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.eventloop.Readiness;
import dev.oxbow.fdpassing.eventloop.Registration;
import dev.oxbow.service.flow.EndReason;
import dev.oxbow.service.flow.FlowKind;
import dev.oxbow.service.flow.FlowPort;
import dev.oxbow.service.flow.PacketCounts;
import dev.oxbow.service.verticle.ServicePlane;
import org.jspecify.annotations.Nullable;

/**
 * One tunnel on its loop: its flow, its device and their readiness.
 *
 * <p>It begins without a device, which another thread makes meanwhile, and ends in steps that other
 * threads take too: {@link TunnelLoop#close}. Loop thread only, but for what {@link LiveTunnel}
 * has.
 */
final class Tunnel implements LiveTunnel {
  private static final int EVENTS = Readiness.EPOLLIN | Readiness.EPOLLET;
  private static final int FLOW_EVENTS = EVENTS | Readiness.EPOLLOUT | Readiness.EPOLLRDHUP;
  private static final int END_EVENTS = Readiness.EPOLLRDHUP | Readiness.EPOLLHUP;

  /** Its place in the group's list, for removal. */
  int place;

  private final TunnelLoop loop;
  private final TunnelRecord record;
  private final TunnelSpec spec;
  private final FlowPort port;
  private final TunnelPlane.Observer observer;
  private final Runnable turn = this::turn;
  private @Nullable Tun device;
  private @Nullable Registration flowRegistration;
  private @Nullable Registration deviceRegistration;
  private boolean flowReadable;
  private boolean flowWritable;
  private boolean deviceReadable;
  private boolean ended;
  private boolean queued;
  private boolean closing;
  private int connections;
  private volatile int connectionsTold;
  private int handshakes;

  Tunnel(TunnelLoop loop, TunnelRecord record, TunnelSpec spec, TunnelPlane.Observer observer) {
    this.loop = loop;
    this.record = record;
    this.spec = spec;
    this.port = FlowPort.of(spec.flow(), spec.kind(), spec.vnetHdr(), spec.mtu());
    this.observer = observer;
  }

  TunnelLoop loop() {
    return loop;
  }

  TunnelRecord record() {
    return record;
  }

  TunnelPlane.Observer observer() {
    return observer;
  }

  int group() {
    return ServicePlane.groupOf(spec.id());
  }

  ConnectionIndex index() {
    return loop.index(group());
  }

  FlowPort port() {
    return port;
  }

  int mtu() {
    return spec.mtu();
  }

  /** The number of its device. */
  int device() {
    Tun tun = device;
    if (tun == null) {
      throw new IllegalStateException("a tunnel without a device");
    }
    return tun.descriptor().fd();
  }

  /** Its device is there; from the next thaw on it works, unless it is to end. */
  void device(Tun made) {
    device = made;
  }

  boolean hasDevice() {
    return device != null;
  }

  /** Whether it is not being taken apart yet. */
  boolean mayClose() {
    return !closing;
  }

  /** It is being taken apart, and does not work again. */
  void closing() {
    closing = true;
    freeze();
  }

  /** Begins or goes on to work. */
  void thaw() {
    if (device == null || deviceRegistration != null || closing) {
      return;
    }
    if (record.reason() != null) {
      loop.close(this);
      return;
    }
    try {
      flowRegistration = loop.register(spec.flow(), FLOW_EVENTS, this::flowReady);
      deviceRegistration = loop.register(device(), EVENTS, events -> deviceReady());
    } catch (IllegalStateException e) {
      loop.report("tunnel " + spec.id(), e);
      end(EndReason.ERROR);
      return;
    }
    flowReadable = true;
    flowWritable = true;
    deviceReadable = true;
    queue();
  }

  /** Touches nothing any more. */
  void freeze() {
    if (flowRegistration != null) {
      flowRegistration.cancel();
      flowRegistration = null;
    }
    if (deviceRegistration != null) {
      deviceRegistration.cancel();
      deviceRegistration = null;
    }
    flowReadable = false;
    flowWritable = false;
    deviceReadable = false;
  }

  private void flowReady(int events) {
    flowReadable |= (events & ~Readiness.EPOLLOUT) != 0;
    flowWritable |= (events & Readiness.EPOLLOUT) != 0;
    ended |= spec.kind() == FlowKind.SEQPACKET && (events & END_EVENTS) != 0;
    turn();
  }

  private void deviceReady() {
    deviceReadable = true;
    turn();
  }

  private void queue() {
    if (!queued) {
      queued = true;
      loop.queue(turn);
    }
  }

  /** Works until nothing is to be done or the budget is used up. */
  private void turn() {
    queued = false;
    if (flowRegistration == null) {
      return;
    }
    long now = TunnelLoop.now();
    long carried = record.carried();
    boolean more = false;
    if (flowReadable) {
      more = loop.fromFlow().turn(this, now);
    }
    if (deviceReadable && flowWritable && flowRegistration != null) {
      more |= loop.toFlow().turn(this);
    }
    if (record.carried() != carried) {
      record.activityNanos(now);
    }
    if (more && flowRegistration != null) {
      queue();
    }
  }

  void flowEmpty() {
    flowReadable = false;
  }

  void flowFull() {
    flowWritable = false;
  }

  void deviceEmpty() {
    deviceReadable = false;
  }

  /** Whether the other end of the flow is closed. */
  boolean ended() {
    return ended;
  }

  /** The flow failed, other than for a single packet. */
  void flowFailed(int errno) {
    if (spec.kind().isEnd(errno)) {
      end(EndReason.EOF);
    } else if (FlowKind.ofPacket(errno)) {
      // Of a tun that is down (EIO) or a kernel short of memory: nothing that an end would better.
      flowEmpty();
    } else {
      fail(errno);
    }
  }

  /** Ends for a failure. */
  void fail(int errno) {
    record.ending(EndReason.ERROR, errno);
    end(EndReason.ERROR);
  }

  int drop(DropReason reason) {
    record.countDropped(reason, 1);
    return Translation.DROP;
  }

  void drop(DropReason reason, int packets) {
    record.countDropped(reason, packets);
  }

  boolean handshakeAllowed() {
    return handshakes < loop.limits().handshakes();
  }

  boolean connectionAllowed() {
    return connections < loop.limits().connections();
  }

  /** A connection is there that was not. */
  void connectionBegun() {
    connections(connections + 1);
    handshakes++;
  }

  /** A connection begins anew on the addresses of one that is over. */
  void handshakeAgain() {
    handshakes++;
  }

  void handshakeDone() {
    handshakes--;
  }

  /** A connection was taken out of the table that had such flags. */
  void connectionGone(int flags) {
    connections(connections - 1);
    handshakes -= (flags & Connections.ESTABLISHED) == 0 ? 1 : 0;
  }

  /** Before its connections are counted anew. */
  void forgetConnections() {
    connections(0);
    handshakes = 0;
  }

  /** One that another process began, with such flags. */
  void connectionFound(int flags) {
    connections(connections + 1);
    handshakes += (flags & Connections.ESTABLISHED) == 0 ? 1 : 0;
  }

  @Override
  public void end(EndReason reason) {
    loop.run(
        () -> {
          record.ending(reason, 0);
          freeze();
          loop.close(this);
        });
  }

  @Override
  public int slot() {
    return record.slot();
  }

  private void connections(int count) {
    connections = count;
    connectionsTold = count;
  }

  @Override
  public int connections() {
    return connectionsTold;
  }

  @Override
  public PacketCounts packets() {
    return record.packets();
  }

  @Override
  public long ageNanos() {
    return System.nanoTime() - record.startNanos();
  }

  @Override
  public long idleNanos() {
    return System.nanoTime() - record.activityNanos();
  }
}

package dev.oxbow.bumblebee.tunnel;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.service.flow.FlowKind;
import org.jspecify.annotations.Nullable;

/** A flow whose packets the test makes and reads itself. */
final class RawFlow implements AutoCloseable {
  private static final int ROOM = 70_000;
  private static final int PATIENCE_MS = 10_000;

  private final Descriptor flow;
  private final Descriptor far;
  private final NativeMemory memory = NativeMemory.allocate(ROOM);

  RawFlow() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET);
    flow = Descriptor.adopt((int) ends);
    far = Descriptor.adopt((int) (ends >>> 32));
  }

  /** The end that is given to the plane. */
  Descriptor flow() {
    return flow;
  }

  /** The test's own end. */
  Descriptor far() {
    return far;
  }

  TunnelSpec spec(long id, int mtu) {
    return new TunnelSpec(id, 0, flow.fd(), FlowKind.SEQPACKET, mtu, false);
  }

  /** Sends a packet, waiting for room. */
  void send(byte[] packet) {
    memory.putBytes(0, packet, 0, packet.length);
    Sockets.poll(far.fd(), Sockets.POLLOUT, PATIENCE_MS);
    if (Sockets.send(far.fd(), memory.address(), packet.length, 0) != packet.length) {
      throw new AssertionError("not sent");
    }
  }

  /** The next packet. */
  byte[] receive() {
    byte[] packet = receive(PATIENCE_MS);
    if (packet == null) {
      throw new AssertionError("no packet came");
    }
    return packet;
  }

  /** The next packet, or null. */
  byte @Nullable [] receive(int patienceMs) {
    if ((Sockets.poll(far.fd(), Sockets.POLLIN, patienceMs) & Sockets.POLLIN) == 0) {
      return null;
    }
    long n = Sockets.recv(far.fd(), memory.address(), ROOM, Sockets.MSG_DONTWAIT);
    return n <= 0 ? null : memory.bytes(0, (int) n);
  }

  @Override
  public void close() {
    flow.close();
    far.close();
  }
}

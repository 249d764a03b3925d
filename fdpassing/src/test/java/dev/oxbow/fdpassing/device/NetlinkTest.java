package dev.oxbow.fdpassing.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Against the real kernel, each in a network namespace that ends with its last socket. */
@DescriptorLeaks
@RequiresRoot
class NetlinkTest {
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_GETLINK = 18;
  private static final int RTM_NEWADDR = 20;
  private static final int RTM_DELADDR = 21;
  private static final int RTM_GETADDR = 22;
  private static final int REQUEST = 1;
  private static final int ACK = 4;
  private static final int DUMP = 0x300;
  private static final int CREATE_EXCL = 0x600;
  private static final int RTNLGRP_IPV4_IFADDR = 5;
  private static final int LOOPBACK = 1;
  private static final int BUFFER_BYTES = 4 << 20;
  private static final int TIMEOUT_MS = 5_000;

  @Test
  void dumpsAreCompleteAndErrorsAreValues() {
    try (NetlinkSocket socket = inNamespace(BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      link(exchange.request(), RTM_GETLINK, REQUEST | DUMP, 0);
      List<String> links = new ArrayList<>();
      assertThat(exchange.perform(message -> links.add(text(message)))).isZero();
      // A namespace has its tunnels' fall-back devices besides lo, where they are built in.
      assertThat(links).isNotEmpty().anySatisfy(link -> assertThat(link).contains("lo\0"));
      link(exchange.request(), RTM_GETLINK, REQUEST | ACK, 4711);
      assertThat(exchange.perform(message -> {})).isEqualTo(19);
      link(exchange.request(), RTM_GETLINK, REQUEST | ACK, LOOPBACK);
      assertThat(exchange.perform(message -> {})).isZero();
    }
  }

  @Test
  void refusalsComeWithTheKernelsWords() {
    try (NetlinkSocket socket = inNamespace(BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      // Strict checking: a dump may not carry a prefix length.
      address(exchange.request(), RTM_GETADDR, REQUEST | DUMP, 1);
      List<String> words = new ArrayList<>();
      assertThat(exchange.perform(message -> words.add(text(message)))).isEqualTo(Errno.EINVAL);
      assertThat(words).singleElement().asString().contains("Invalid values in header");
    }
  }

  @Test
  void requestsThatNobodyAnswersAreRefused() {
    try (NetlinkSocket socket = inNamespace(BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      link(exchange.request(), RTM_NEWLINK, REQUEST, LOOPBACK);
      assertThatThrownBy(() -> exchange.perform(message -> {}))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> new NetlinkBatch(socket, 4, 4096).add())
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void manyRequestsGoWithOneCallAndEachIsAnswered() {
    try (NetlinkSocket socket = inNamespace(BUFFER_BYTES)) {
      NetlinkBatch batch = new NetlinkBatch(socket, 64, 64 * 64);
      for (int round = 0; round < 3; round++) {
        List<Integer> errors = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
          assertThat(batch.isFull(40)).isFalse();
          // Each address twice: every second request finds it there, in the first round.
          address(batch.requests(), RTM_NEWADDR, REQUEST | CREATE_EXCL, round == 1 ? i : i / 2);
          assertThat(batch.add()).isEqualTo(i);
        }
        assertThat(batch.isFull(40)).isTrue();
        assertThat(batch.send(recorder(errors))).isTrue();
        assertThat(batch.size()).isZero();
        assertThat(errors).hasSize(64);
        int there = round == 0 ? 32 : round == 1 ? 32 : 64;
        assertThat(errors.stream().filter(errno -> errno == Errno.EEXIST)).hasSize(there);
        assertThat(errors.stream().filter(errno -> errno == 0)).hasSize(64 - there);
      }
      assertThat(batch.send(recorder(new ArrayList<>()))).isTrue();
    }
  }

  @Test
  void requestsThatAreNotTakenAreUnknown() {
    long ends = Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_NONBLOCK);
    try (Descriptor other = Descriptor.adopt((int) (ends >>> 32));
        NetlinkSocket full = NetlinkSocket.adopt(Descriptor.adopt((int) ends))) {
      NetlinkBatch batch = new NetlinkBatch(full, 4, 4096);
      List<Integer> errors = new ArrayList<>();
      // Nobody answers either, until the way is full.
      for (int i = 0; i < 2_000; i++) {
        address(batch.requests(), RTM_NEWADDR, REQUEST | CREATE_EXCL, i);
        batch.add();
        assertThat(batch.send(recorder(errors))).isFalse();
        assertThat(batch.size()).isZero();
      }
      assertThat(batch.overruns()).isEqualTo(2_000);
      assertThat(errors).isEmpty();
      assertThat(other.isOpen()).isTrue();
    }
  }

  @Test
  void answersThatTheKernelHadNoRoomForAreMissed() {
    try (NetlinkSocket socket = inNamespace(1)) {
      NetlinkBatch batch = new NetlinkBatch(socket, 64, 64 * 64);
      List<Integer> errors = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        address(batch.requests(), RTM_NEWADDR, REQUEST | CREATE_EXCL, i);
        batch.add();
      }
      assertThat(batch.send(recorder(errors))).isFalse();
      assertThat(errors).hasSizeLessThan(64);
      assertThat(batch.overruns()).isEqualTo(1);
      // What follows is answered again.
      errors.clear();
      address(batch.requests(), RTM_NEWADDR, REQUEST | CREATE_EXCL, 63);
      batch.add();
      assertThat(batch.send(recorder(errors))).isTrue();
      assertThat(errors).containsExactly(Errno.EEXIST);
    }
  }

  @Test
  void eventsArriveOnTheLoopAndLostOnesAreTold() {
    try (EpollVertx vertx = EpollVertx.open()) {
      List<NetlinkSocket> pair = apart(() -> List.of(route(1), route(BUFFER_BYTES)));
      NetlinkSocket heard = pair.get(0);
      heard.join(RTNLGRP_IPV4_IFADDR);
      AtomicInteger events = new AtomicInteger();
      AtomicInteger losses = new AtomicInteger();
      NetlinkEvents listening =
          vertx.call(
              () ->
                  NetlinkEvents.open(
                      DescriptorLoop.of(vertx.context()), heard, counter(events, losses)));
      NetlinkBatch batch = new NetlinkBatch(pair.get(1), 64, 64 * 64);
      address(batch.requests(), RTM_NEWADDR, REQUEST | CREATE_EXCL, 1);
      batch.add();
      assertThat(batch.send(recorder(new ArrayList<>()))).isTrue();
      Await.until("the event", () -> events.get() == 1);
      assertThat(losses).hasValue(0);
      vertx.run(
          () -> {
            // The loop is busy here, so that the events stay in the kernel's small buffer.
            for (int round = 0; round < 2; round++) {
              for (int i = 2; i < 64; i++) {
                int type = round == 0 ? RTM_NEWADDR : RTM_DELADDR;
                address(batch.requests(), type, REQUEST | (round == 0 ? CREATE_EXCL : 0), i);
                batch.add();
              }
              assertThat(batch.send(recorder(new ArrayList<>()))).isTrue();
            }
          });
      Await.until("the loss", () -> losses.get() > 0);
      assertThat(events.get()).isLessThan(1 + 2 * 62);
      vertx.run(listening::close);
      pair.forEach(NetlinkSocket::close);
    }
  }

  @Test
  void silenceIsATimeout() {
    try (NetlinkSocket socket = inNamespace(BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, 50);
      link(exchange.request(), RTM_GETLINK, DUMP, 0); // Not a request: the kernel ignores it.
      assertThatThrownBy(() -> exchange.perform(message -> {}))
          .isInstanceOfSatisfying(
              LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT));
    }
  }

  private static NetlinkEvents.Listener counter(AtomicInteger events, AtomicInteger losses) {
    return new NetlinkEvents.Listener() {
      @Override
      public void event(ByteBuffer message) {
        events.incrementAndGet();
      }

      @Override
      public void resyncNeeded() {
        losses.incrementAndGet();
      }
    };
  }

  private static NetlinkBatch.Answers recorder(List<Integer> errors) {
    return new NetlinkBatch.Answers() {
      @Override
      public void message(int slot, ByteBuffer message) {
        throw new AssertionError("nothing was asked for");
      }

      @Override
      public void acknowledged(int slot, int errno) {
        assertThat(slot).isGreaterThanOrEqualTo(errors.size());
        errors.add(errno);
      }
    };
  }

  private static NetlinkSocket inNamespace(int receiveBufferBytes) {
    return apart(() -> route(receiveBufferBytes));
  }

  private static NetlinkSocket route(int receiveBufferBytes) {
    return NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, receiveBufferBytes);
  }

  /** Runs something inside a new network namespace. */
  private static <T> T apart(Callable<T> task) {
    try (Namespace namespace = Namespace.open()) {
      return namespace.call(task);
    }
  }

  private static void link(ByteBuffer out, int type, int flags, int index) {
    out.putInt(32).putShort((short) type).putShort((short) flags).putLong(0);
    out.putInt(0).putInt(index).putLong(0);
  }

  /** 127.1.0.N/32 on lo; a dump has no attributes but a prefix length. */
  private static void address(ByteBuffer out, int type, int flags, int n) {
    boolean dump = (flags & DUMP) == DUMP;
    out.putInt(dump ? 24 : 32).putShort((short) type).putShort((short) flags).putLong(0);
    out.put((byte) 2).put((byte) 32).putShort((short) 0).putInt(dump ? 0 : LOOPBACK);
    if (!dump) {
      out.putShort((short) 8).putShort((short) 2);
      out.put((byte) 127).put((byte) 1).put((byte) 0).put((byte) n);
    }
  }

  private static String text(ByteBuffer message) {
    byte[] bytes = new byte[message.remaining()];
    message.get(bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}

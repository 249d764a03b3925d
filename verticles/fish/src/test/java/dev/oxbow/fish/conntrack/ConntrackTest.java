package dev.oxbow.fish.conntrack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.codecs.netlink.ConntrackMessages;
import dev.oxbow.codecs.netlink.ConntrackTuple;
import dev.oxbow.codecs.netlink.TcpResumption;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.fish.session.EgressStage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The kernel's word on entries, in a namespace of the test's own. */
@DescriptorLeaks
@RequiresRoot
class ConntrackTest {
  private static final int MARK = 0x0f15;
  private static final long POOL = 0xffff_6440_0000L;
  private static final long SERVER = 0xffff_c633_6409L;
  private static final long OUTER = 0xffff_cb00_7107L;
  private static final int TIMEOUT = 300;

  private final List<Integer> errors = new ArrayList<>();
  private final Conntrack.Outcomes recorder =
      new Conntrack.Outcomes() {
        @Override
        public void inserted(int flow, int errno) {
          errors.add(errno);
        }

        @Override
        public void deleted(int flow, int errno) {
          errors.add(errno);
        }
      };

  @Test
  void fiveTupleIsGivenOnceAndPortServesManyDestinations() {
    try (Namespace namespace = Namespace.open();
        Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK))) {
      insert(conntrack, 1, POOL + 1, SERVER, 20_001, null);
      insert(conntrack, 2, POOL + 2, SERVER, 20_001, null);
      insert(conntrack, 3, POOL + 2, SERVER + 1, 20_001, null);
      insert(conntrack, 4, POOL + 1, SERVER, 20_002, null);
      conntrack.send(recorder);
      assertThat(errors).containsExactly(0, Errno.EEXIST, 0, Errno.EEXIST);
      assertThat(conntrack.isEmpty()).isTrue();
      errors.clear();
      conntrack.delete(1, udp(POOL + 1, SERVER));
      conntrack.delete(1, udp(POOL + 1, SERVER));
      insert(conntrack, 2, POOL + 2, SERVER, 20_001, null);
      conntrack.send(recorder);
      assertThat(errors).containsExactly(0, Errno.ENOENT, 0);
    }
  }

  @Test
  void allKindsAreInsertedAndShownAgain() {
    try (Namespace namespace = Namespace.open();
        Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK));
        Conntrack others = namespace.call(() -> Conntrack.open(MARK + 1))) {
      long high = 0x2001_0db8_0000_0000L;
      ConntrackTuple icmp =
          tuple(4, IpProtocol.ICMP, 0, POOL + 1, 0, SERVER).destination(0, SERVER, 0);
      conntrack.insert(1, icmp, 0, OUTER, 777, TIMEOUT, null);
      conntrack.insert(
          2, tuple(6, IpProtocol.TCP, high, 1, high, 9), high, 7, 20_001, TIMEOUT, null);
      conntrack.insert(
          3, tuple(6, IpProtocol.ICMPV6, high, 1, high, 9), high, 7, 778, TIMEOUT, null);
      ConntrackTuple tcp = tuple(4, IpProtocol.TCP, 0, POOL + 1, 0, SERVER);
      conntrack.insert(4, tcp, 0, OUTER, 20_005, TIMEOUT, new TcpResumption(7, 9));
      insert(others, 5, POOL + 9, SERVER, 20_009, null);
      conntrack.send(recorder);
      others.send(recorder);
      assertThat(errors).containsExactly(0, 0, 0, 0, 0);
      List<String> shown = new ArrayList<>();
      namespace.call(
          () -> {
            try (ConntrackDump dump = ConntrackDump.open()) {
              dump.marked(
                  MARK,
                  entry -> {
                    assertThat(entry.status() & ConntrackMessages.IPS_SRC_NAT).isNotZero();
                    shown.add(
                        entry.original().protocol()
                            + " "
                            + entry.reply().destinationPort()
                            + " "
                            + entry.reply().sourcePort()
                            + " "
                            + entry.scaleOriginal()
                            + entry.scaleReply());
                  });
              dump.deleteMarked(MARK);
              dump.marked(MARK, entry -> shown.add("left"));
              dump.marked(MARK + 1, entry -> shown.add("other"));
            }
            return shown;
          });
      assertThat(shown)
          .containsExactlyInAnyOrder(
              "1 0 777 -1-1", "6 20001 443 00", "58 0 778 -1-1", "6 20005 443 79", "other");
    }
  }

  /** What Debian's conntrack(8) prints of entries that this class has made. */
  @Test
  void conntrackPrintsWhatWasInserted() {
    try (Namespace namespace = Namespace.open();
        Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK))) {
      long high = 0x2001_0db8_0000_0000L;
      int flow = 0;
      for (int protocol : new int[] {IpProtocol.TCP, IpProtocol.UDP, IpProtocol.ICMP}) {
        int six = protocol == IpProtocol.ICMP ? IpProtocol.ICMPV6 : protocol;
        ConntrackTuple tuple = tuple(4, protocol, 0, POOL + 1, 0, SERVER);
        conntrack.insert(flow++, tuple, 0, OUTER, 20_001, TIMEOUT, null);
        tuple = tuple(6, six, high, 1, high, 9);
        conntrack.insert(flow++, tuple, high, 7, 20_001, TIMEOUT, null);
      }
      conntrack.send(recorder);
      assertThat(errors).hasSize(6).containsOnly(0);
      String four = EgressStage.in(namespace, "conntrack -L -f ipv4 -o extended");
      String six = EgressStage.in(namespace, "conntrack -L -f ipv6 -o extended");
      String to = "src=100.64.0.1 dst=198.51.100.9 ";
      String back = "src=198.51.100.9 dst=203.0.113.7 ";
      printed(four, "tcp", to + "sport=1000 dport=443", back + "sport=443 dport=20001");
      printed(four, "udp", to + "sport=1000 dport=443", back + "sport=443 dport=20001");
      printed(four, "icmp", to + "type=8 code=0 id=1000", back + "type=0 code=0 id=20001");
      to = "src=2001:db8::1 dst=2001:db8::9 ";
      back = "src=2001:db8::9 dst=2001:db8::7 ";
      printed(six, "tcp", to + "sport=1000 dport=443", back + "sport=443 dport=20001");
      printed(six, "udp", to + "sport=1000 dport=443", back + "sport=443 dport=20001");
      printed(six, "icmpv6", to + "type=128 code=0 id=1000", back + "type=129 code=0 id=20001");
    }
  }

  private static void printed(String all, String protocol, String original, String reply) {
    assertThat(all.lines())
        .anySatisfy(
            line ->
                assertThat(line).contains(" " + protocol + " ", original, reply, "mark=" + MARK));
  }

  @Test
  void fullTableOfPortsIsFilledInBatches() {
    try (Namespace namespace = Namespace.open();
        Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK))) {
      for (int i = 0; i < 2048; i++) {
        insert(conntrack, i, POOL + i, SERVER, 20_000 + i, null);
        if (conntrack.isFull()) {
          conntrack.send(recorder);
        }
      }
      conntrack.send(recorder);
      assertThat(errors).hasSize(2048).containsOnly(0);
      assertThat(conntrack.overruns()).isZero();
    }
  }

  @Test
  void endOfEntriesIsHeard() {
    try (EpollVertx vertx = EpollVertx.open();
        Namespace namespace = Namespace.open();
        Conntrack conntrack = namespace.call(() -> Conntrack.open(MARK));
        Conntrack others = namespace.call(() -> Conntrack.open(MARK + 1))) {
      namespace.call(ConntrackTest::switchEventsOn);
      NetlinkSocket socket = namespace.call(ConntrackEvents::open);
      List<Integer> gone = new CopyOnWriteArrayList<>();
      AtomicInteger resyncs = new AtomicInteger();
      ConntrackEvents events =
          vertx.call(
              () ->
                  ConntrackEvents.listen(
                      DescriptorLoop.of(vertx.context()), socket, MARK, listener(gone, resyncs)));
      insert(others, 1, POOL + 9, SERVER, 20_009, null);
      others.delete(1, udp(POOL + 9, SERVER));
      others.send(recorder);
      insert(conntrack, 1, POOL + 1, SERVER, 20_001, null);
      conntrack.delete(1, udp(POOL + 1, SERVER));
      conntrack.send(recorder);
      Await.until("the event", () -> !gone.isEmpty());
      assertThat(gone).containsExactly((int) (POOL + 1));
      assertThat(resyncs).hasValue(0);
      vertx.run(events::close);
    }
  }

  private static ConntrackEvents.Listener listener(List<Integer> gone, AtomicInteger resyncs) {
    return new ConntrackEvents.Listener() {
      @Override
      public void destroyed(ConntrackTuple original) {
        gone.add((int) original.sourceLow());
      }

      @Override
      public void resyncNeeded() {
        resyncs.incrementAndGet();
      }
    };
  }

  private static boolean switchEventsOn() throws IOException {
    Files.writeString(Path.of("/proc/sys/net/netfilter/nf_conntrack_events"), "1");
    return true;
  }

  private static void insert(
      Conntrack conntrack,
      int flow,
      long client,
      long server,
      int port,
      @org.jspecify.annotations.Nullable TcpResumption tcp) {
    conntrack.insert(flow, udp(client, server), 0, OUTER, port, TIMEOUT, tcp);
  }

  private static ConntrackTuple udp(long client, long server) {
    return tuple(4, IpProtocol.UDP, 0, client, 0, server);
  }

  private static ConntrackTuple tuple(
      int version, int protocol, long clientHigh, long client, long serverHigh, long server) {
    return new ConntrackTuple()
        .of(version, protocol)
        .source(clientHigh, client, 1000)
        .destination(serverHigh, server, 443);
  }
}

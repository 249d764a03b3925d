package dev.oxbow.codecs.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Requests are byte for byte those of iproute2, and the kernel's answers to it are understood. */
class RouteMessagesTest {
  private static final int D0 = 3;
  private static final int LO = 1;

  @Test
  void linkIsSetUpAsIpDoes() {
    written("link.up", out -> RouteMessages.linkUp(out, D0, 1400, 777));
  }

  @Test
  void addressesAreChangedAsIpDoes() {
    byte[] v4 = address("192.0.2.1");
    byte[] v6 = address("2001:db8::1");
    written("address.add4", out -> RouteMessages.addressAdd(out, D0, v4, 24));
    written("address.add6", out -> RouteMessages.addressAdd(out, D0, v6, 64));
    written("address.delete4", out -> RouteMessages.addressDelete(out, D0, v4, 24));
  }

  @Test
  void routesAreChangedAsIpDoes() {
    byte[] v4 = address("198.51.100.0");
    written("route.add4", out -> RouteMessages.routeAdd(out, unicast(v4, 24, 254, 0)));
    written("route.table", out -> RouteMessages.routeAdd(out, unicast(v4, 24, 1000, 5)));
    byte[] v6 = address("2001:db8:1::");
    written("route.add6", out -> RouteMessages.routeAdd(out, unicast(v6, 48, 254, 0)));
    Route local = new Route(RouteMessages.RTN_LOCAL, new byte[4], 0, LO, 100, 0);
    written("route.local", out -> RouteMessages.routeAdd(out, local));
    Route hole = new Route(RouteMessages.RTN_BLACKHOLE, address("100.64.0.0"), 10, 0, 254, 9000);
    written("route.blackhole", out -> RouteMessages.routeAdd(out, hole));
    written("route.delete", out -> RouteMessages.routeDelete(out, hole));
  }

  @Test
  void linkIsReadWithItsCounters() {
    LinkReader link = new LinkReader().read(Golden.reader("link.reply"));
    assertThat(link.name()).isEqualTo("d1");
    assertThat(link.index()).isEqualTo(2);
    assertThat(link.mtu()).isEqualTo(1400);
    assertThat(link.txQueueLength()).isEqualTo(777);
    assertThat(link.isUp()).isTrue();
    assertThat(link.txDropped()).isZero();
  }

  @Test
  void countersAreReadFromWhereTheKernelsHeaderHasThem() {
    byte[] stats = new byte[24 * 8];
    java.nio.ByteBuffer counters =
        java.nio.ByteBuffer.wrap(stats).order(java.nio.ByteOrder.nativeOrder());
    for (int i = 0; i < 24; i++) {
      counters.putLong(8 * i, 1000L * i);
    }
    java.nio.ByteBuffer memory = java.nio.ByteBuffer.allocate(512);
    NetlinkWriter out = new NetlinkWriter(memory);
    out.begin(RouteMessages.RTM_NEWLINK, 0).zeros(16).bytes(23, stats).end();
    NetlinkReader reader = new NetlinkReader().over(memory.flip());
    assertThat(reader.next()).isTrue();
    LinkReader link = new LinkReader().read(reader);
    assertThat(link.rxPackets()).isZero();
    assertThat(link.txPackets()).isEqualTo(1000);
    assertThat(link.rxDropped()).isEqualTo(6000);
    assertThat(link.txDropped()).isEqualTo(7000);
  }

  @Test
  void addressAndRouteAreRead() {
    AddressReader.Address address = new AddressReader().read(Golden.reader("address.reply4"));
    assertThat(address.address()).isEqualTo(address("192.0.2.1"));
    assertThat(address.prefixLength()).isEqualTo(24);
    assertThat(address.interfaceIndex()).isEqualTo(D0);
    Route route = new RouteReader().read(Golden.reader("route.reply"));
    assertThat(route.destination()).isEqualTo(address("198.51.100.0"));
    assertThat(route.table()).isEqualTo(1000);
    assertThat(route.metric()).isEqualTo(5);
    assertThat(route.interfaceIndex()).isEqualTo(D0);
    assertThat(route.type()).isEqualTo(RouteMessages.RTN_UNICAST);
  }

  @Test
  void refusalsAreReadWithTheKernelsWords() {
    assertThat(NetlinkError.read(Golden.reader("route.again")).errno()).isEqualTo(17);
    NetlinkError refused = NetlinkError.read(Golden.reader("route.refused"));
    assertThat(refused).isEqualTo(new NetlinkError(101, "Nexthop has invalid gateway", -1));
    assertThat(NetlinkError.read(Golden.reader("link.unknown")).errno()).isEqualTo(19);
  }

  @Test
  void prefixesOverlapOrNot() {
    Route pool = new Route(RouteMessages.RTN_UNICAST, address("100.64.0.0"), 10, 1, 254, 0);
    assertThat(pool.overlaps(address("100.127.255.0"), 24)).isTrue();
    assertThat(pool.overlaps(address("100.128.0.0"), 24)).isFalse();
    assertThat(pool.overlaps(address("100.0.0.0"), 8)).isTrue();
    assertThat(pool.overlaps(address("0.0.0.0"), 0)).isTrue();
    assertThat(pool.overlaps(address("2001:db8::"), 32)).isFalse();
    assertThatThrownBy(() -> new Route(1, new byte[4], 33, 0, 254, 0))
        .hasMessageContaining("prefixLength 33");
    assertThatThrownBy(() -> new Route(1, new byte[5], 3, 0, 254, 0))
        .hasMessageContaining("address of 5 bytes");
  }

  private static Route unicast(byte[] destination, int length, int table, int metric) {
    return new Route(RouteMessages.RTN_UNICAST, destination, length, D0, table, metric);
  }

  private static void written(String golden, Consumer<NetlinkWriter> write) {
    assertThat(Golden.written(write)).isEqualTo(Golden.request(golden));
  }

  private static byte[] address(String text) {
    try {
      return InetAddress.getByName(text).getAddress();
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}

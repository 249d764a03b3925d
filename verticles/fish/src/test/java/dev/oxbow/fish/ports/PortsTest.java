package dev.oxbow.fish.ports;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.state.StateTable;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class PortsTest {
  private static final long OUTER = 0xffff_cb00_7107L;
  private static final long SERVER = 0xffff_c633_6409L;
  private static final int TCP = IpProtocol.TCP;

  private final StateTable clientMemory = StateTable.open("clients", ClientTable.layout(1000));
  private final StateTable flowMemory = StateTable.open("flows", FlowTable.layout(5000));
  private ClientTable clients = new ClientTable(clientMemory);
  private FlowTable flows = new FlowTable(flowMemory, clients);
  private final PortSlice slice = new PortSlice(0, OUTER, 20_000, 20_999);
  private final PortSearch search = new PortSearch(flows, 4711);

  @AfterEach
  void close() {
    flows.close();
    clients.close();
  }

  @Test
  void sliceIsUsedToItsLastPortTowardEachDestination() {
    int client = clients.add(7, 0, 0, 1);
    for (int destination = 0; destination < 3; destination++) {
      Set<Integer> ports = new HashSet<>();
      for (int i = 0; i < 1000; i++) {
        int port = find(client, 1000 + i, SERVER + destination);
        assertThat(port).isBetween(20_000, 20_999);
        assertThat(ports.add(port)).isTrue();
        take(client, 1000 + i, SERVER + destination, port);
      }
      assertThat(find(client, 999, SERVER + destination)).isEqualTo(-1);
    }
    // One that comes free is found.
    int freed = flows.find(client, TCP, 1500, 0, SERVER, 443);
    int port = flows.outerPort(freed);
    flows.remove(freed);
    assertThat(find(client, 999, SERVER)).isEqualTo(port);
    assertThat(clients.flows(client)).isEqualTo(2999);
  }

  @Test
  void portsFollowOneAnotherFromAnOffsetThatTheSecretDecides() {
    int client = clients.add(7, 0, 0, 1);
    int first = find(client, 1, SERVER);
    take(client, 1, SERVER, first);
    int second = find(client, 2, SERVER);
    assertThat(second).isEqualTo(first == 20_999 ? 20_000 : first + 1);
    Set<Integer> starts = new HashSet<>();
    for (int secret = 0; secret < 50; secret++) {
      starts.add(
          new PortSearch(flows, secret * 77L)
              .find(slice, 20_000, 20_999, false, client, TCP, 3, 0, SERVER, 443));
    }
    assertThat(starts).hasSizeGreaterThan(40);
  }

  @Test
  void portOfOneAloneServesNobodyElse() {
    int one = clients.add(7, 0, 0, 1);
    int other = clients.add(7, 0, 0, 2);
    int port = search.find(slice, 20_000, 20_000, true, one, TCP, 5, 0, SERVER, 443);
    assertThat(port).isEqualTo(20_000);
    take(one, 5, SERVER, port);
    slice.setExclusive(TCP, port, one, 5);
    assertThat(slice.portOf(TCP, one, 5)).isEqualTo(port);
    assertThat(slice.portOf(IpProtocol.UDP, one, 5)).isEqualTo(-1);
    assertThat(search.find(slice, 20_000, 20_000, false, other, TCP, 5, 0, SERVER + 1, 443))
        .isEqualTo(-1);
    assertThat(search.find(slice, 20_000, 20_000, true, other, TCP, 5, 0, SERVER + 1, 443))
        .isEqualTo(-1);
    // When its last flow is gone it is anybody's.
    flows.remove(flows.find(one, TCP, 5, 0, SERVER, 443));
    slice.countUse(TCP, port, -1);
    assertThat(slice.portOf(TCP, one, 5)).isEqualTo(-1);
    assertThat(search.find(slice, 20_000, 20_000, true, other, TCP, 5, 0, SERVER + 1, 443))
        .isEqualTo(port);
  }

  @Test
  void onlyBlocksThatMayBeUsedAreAndTheOwnOnesFirst() {
    int client = clients.add(7, 0, 0, 1);
    SharedBlocks shared = new SharedBlocks(List.of(slice), 5000);
    assertThat(shared.count()).isEqualTo(17);
    assertThat(find(client, 1, SERVER)).as("before anything is allowed").isEqualTo(-1);
    int lent = shared(shared, 20_100);
    int own = shared(shared, 20_600);
    shared.allow(lent, false, 1000, 2000);
    shared.allow(own, true, Long.MAX_VALUE, Long.MAX_VALUE);
    shared.now(999);
    for (int i = 0; i < 2 * PortSlice.BLOCK_PORTS; i++) {
      int port = find(client, i, SERVER);
      assertThat(shared(shared, port)).isEqualTo(i < PortSlice.BLOCK_PORTS ? own : lent);
      take(client, i, SERVER, port);
      shared.place(flows.find(client, TCP, i, 0, SERVER, 443), slice, port);
    }
    assertThat(find(client, 999, SERVER)).isEqualTo(-1);
    assertThat(find(client, 999, SERVER + 1)).isNotNegative();
    assertThat(shared.connections(lent)).isEqualTo(64);
    shared.now(1000);
    int last = flows.find(client, TCP, 2 * PortSlice.BLOCK_PORTS - 1, 0, SERVER, 443);
    assertThat(shared.mayRenew(last)).isFalse();
    assertThat(shared.mayUse(last)).isTrue();
    shared.now(2000);
    assertThat(shared.mayUse(last)).isFalse();
    slice.clear();
    assertThat(shared.connections(own)).isZero();
  }

  private static int shared(SharedBlocks blocks, int port) {
    for (int block = 0; block < blocks.count(); block++) {
      if (blocks.index(block) == port / PortSlice.BLOCK_PORTS) {
        return block;
      }
    }
    throw new AssertionError("port " + port + " is not shared");
  }

  @Test
  void tablesAreFoundAgainByWhoMapsTheirMemory() {
    int client = clients.add(7, 0, 1, 2);
    take(client, 1000, SERVER, 20_001);
    flows.setState(0, FlowTable.LIVE);
    Descriptor clientCopy = clientMemory.descriptor().duplicate();
    Descriptor flowCopy = flowMemory.descriptor().duplicate();
    flows.close();
    clients.close();
    clients = new ClientTable(StateTable.adopt(clientCopy, ClientTable.MAGIC, ClientTable.VERSION));
    flows = new FlowTable(StateTable.adopt(flowCopy, FlowTable.MAGIC, FlowTable.VERSION), clients);
    assertThat(clients.find(7, 1, 2)).isEqualTo(client);
    int flow = flows.find(client, TCP, 1000, 0, SERVER, 443);
    assertThat(flows.outerPort(flow)).isEqualTo(20_001);
    assertThat(flows.state(flow)).isEqualTo(FlowTable.LIVE);
    assertThat(flows.owner(0, OUTER, TCP, 20_001, 0, SERVER, 443)).isEqualTo(flow);
    assertThat(flows.scaleClient(flow)).isEqualTo(-1);
  }

  @Test
  void indexKeepsItsWordWhateverComesAndGoes() {
    Random random = new Random(1);
    int[] keys = new int[400];
    HashIndex index = new HashIndex(400, record -> keys[record] % 7);
    Map<Integer, Integer> model = new HashMap<>();
    for (int step = 0; step < 20_000; step++) {
      int record = random.nextInt(400);
      if (model.containsKey(record)) {
        assertThat(found(index, record, keys)).isTrue();
        index.remove(record);
        model.remove(record);
      } else {
        keys[record] = random.nextInt(1000);
        index.add(record);
        model.put(record, keys[record]);
      }
      assertThat(index.size()).isEqualTo(model.size());
    }
    model.keySet().forEach(record -> assertThat(found(index, record, keys)).isTrue());
    assertThatThrownBy(() -> index.remove(absent(model))).hasMessageContaining("not in the index");
  }

  private static int absent(Map<Integer, Integer> model) {
    int record = 0;
    while (model.containsKey(record)) {
      record++;
    }
    return record;
  }

  private static boolean found(HashIndex index, int record, int[] keys) {
    for (int r = index.first(keys[record] % 7); r >= 0; r = index.next()) {
      if (r == record) {
        return true;
      }
    }
    return false;
  }

  private int find(int client, int clientPort, long server) {
    return search.find(slice, 20_000, 20_999, false, client, TCP, clientPort, 0, server, 443);
  }

  private void take(int client, int clientPort, long server, int port) {
    assertThat(flows.add(client, TCP, clientPort, 0, server, 443, 0, OUTER, port)).isNotNegative();
    slice.countUse(TCP, port, 1);
  }
}

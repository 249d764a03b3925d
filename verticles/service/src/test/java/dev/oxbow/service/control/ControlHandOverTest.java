package dev.oxbow.service.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Callers notice nothing when another process goes on with their connections. */
@DescriptorLeaks
class ControlHandOverTest {
  @TempDir private Path directory;
  private final List<Plane> planes = new ArrayList<>();
  private Plane first;

  @BeforeEach
  void listen() throws IOException {
    first = add(Plane.listen(directory.resolve("test.sock"), new QuotaOptions()));
  }

  @AfterEach
  void close() {
    planes.forEach(Plane::close);
  }

  private Plane add(Plane plane) {
    planes.add(plane);
    return plane;
  }

  private Plane passOn(Plane plane) {
    planes.remove(plane);
    return add(plane.passOn());
  }

  private Caller connect() throws IOException {
    return new Caller(directory.resolve("test.sock"));
  }

  private static String request(String op, int id) {
    return "{\"op\":\"" + op + "\",\"id\":" + id + ",\"text\":\"t" + id + "\"}";
  }

  @Test
  void requestsThatComeMeanwhileAreAnsweredOnceAndInOrder() throws Exception {
    try (Caller caller = connect().hello(false)) {
      caller.send(request("large", 1));
      assertThat(caller.next()).isEqualTo("1");
      EpollVertx.await(first.freeze());
      for (int id = 2; id <= 5; id++) {
        caller.send(request("large", id));
      }
      Plane second = first.heir();
      assertThat(caller.quiet()).isTrue();
      planes.remove(first);
      first.close();
      add(second).thaw();
      for (int id = 2; id <= 5; id++) {
        assertThat(caller.next()).isEqualTo(String.valueOf(id));
      }
      assertThat(second.ran()).containsExactly("2", "3", "4", "5");
      assertThat(second.connections()).isEqualTo(1);
      try (Caller another = connect().hello(false)) {
        assertThat(another.quiet()).isTrue();
        assertThat(second.connections()).isEqualTo(2);
      }
    }
  }

  /** The caller does not read: an answer waits here, requests in the kernel. */
  @Test
  void answersThatWaitGoOutFirst() throws Exception {
    try (Caller caller = connect()) {
      int sent = 0;
      do {
        while (caller.trySend(request("large", sent + 1))) {
          sent++;
        }
      } while (caller.canSend());
      int ran = first.ran().size();
      assertThat(ran).isPositive().isLessThan(sent);
      Plane second = passOn(first);
      for (int id = 1; id <= sent; id++) {
        assertThat(caller.next()).isEqualTo(String.valueOf(id));
      }
      assertThat(second.ran()).hasSize(sent - ran);
    }
  }

  /** The caller reads nothing: it may have so many descriptors in flight, whoever sends them. */
  @Test
  void whatCallersHaveNotReceivedCountsAfterwards() throws Exception {
    try (Caller caller = connect().hello(false)) {
      int posted = 280;
      for (int i = 1; i <= posted; i++) {
        first.post("e" + i);
      }
      long waiting = first.events();
      assertThat(waiting).isBetween(1L, posted - 1L);
      Plane third = passOn(passOn(first));
      third.post("last");
      assertThat(third.events()).isEqualTo(waiting + 1);
      for (int i = 1; i <= posted; i++) {
        assertThat(caller.next()).isEqualTo("e" + i + "#0");
      }
      assertThat(caller.next()).isEqualTo("last#0");
    }
  }

  @Test
  void eventsThatWereNotAcknowledgedAreKeptWithTheirNumbers() throws Exception {
    Plane second;
    try (Caller caller = connect().hello(true)) {
      for (int i = 1; i <= 3; i++) {
        first.post("e" + i);
        assertThat(caller.next()).isEqualTo("e" + i + "#" + i);
      }
      second = passOn(first);
      assertThat(caller.quiet()).isTrue();
      assertThat(second.events()).isEqualTo(3);
      assertThat(second.descriptors()).isEqualTo(3);
      caller.send("{\"op\":\"ack\",\"id\":1,\"seq\":2}");
      assertThat(caller.next()).isEqualTo("1");
      second.post("e4");
      assertThat(caller.next()).isEqualTo("e4#4");
    }
    Plane third = passOn(second);
    try (Caller caller = connect().hello(true)) {
      assertThat(caller.next()).isEqualTo("e3#3");
      assertThat(caller.next()).isEqualTo("e4#4");
      caller.send("{\"op\":\"ack\",\"id\":2,\"seq\":4}");
      assertThat(caller.next()).isEqualTo("2");
      assertThat(third.events()).isZero();
      Await.until("closed", () -> third.descriptors() == 0);
    }
  }

  @Test
  void eventsWaitForAnAppThatIsAway() throws Exception {
    connect().hello(false).close();
    first.post("e1");
    EpollVertx.await(first.freeze());
    first.post("e2");
    planes.remove(first);
    Plane second = first.heir();
    first.close();
    add(second).thaw();
    second.post("e3");
    try (Caller caller = connect().hello(true)) {
      assertThat(caller.next()).isEqualTo("e1#1");
      assertThat(caller.next()).isEqualTo("e2#2");
      assertThat(caller.next()).isEqualTo("e3#3");
    }
  }

  /** What nobody may know of again is forgotten, and its numbers are not given twice. */
  @Test
  void numbersGoOnAlthoughTheMailboxWasForgotten() throws Exception {
    try (Caller caller = connect().hello(true)) {
      first.post("e1");
      assertThat(caller.next()).isEqualTo("e1#1");
      caller.send("{\"op\":\"ack\",\"id\":1,\"seq\":1}");
      assertThat(caller.next()).isEqualTo("1");
    }
    Await.until("forgotten", () -> first.connections() == 0);
    Plane second = passOn(first);
    try (Caller caller = connect().hello(true)) {
      second.post("e2");
      assertThat(caller.next()).isEqualTo("e2#2");
    }
  }

  @Test
  void callersWithoutANameGetTheirOwn() throws Exception {
    try (Caller one = connect();
        Caller two = connect()) {
      for (int i = 0; i < 3; i++) {
        Plane plane = planes.get(0);
        one.send(request("post", i));
        assertThat(one.next()).isIn("t" + i + "#0", String.valueOf(i));
        assertThat(one.next()).isIn("t" + i + "#0", String.valueOf(i));
        two.send(request("post", 10 + i));
        passOn(plane);
        assertThat(two.next()).isIn("t1" + i + "#0", "1" + i);
        assertThat(two.next()).isIn("t1" + i + "#0", "1" + i);
      }
      assertThat(one.quiet()).isTrue();
      assertThat(two.quiet()).isTrue();
    }
  }

  @Test
  void connectionThatSaidHelloLastGetsTheEvents() throws Exception {
    try (Caller older = connect()) {
      try (Caller newer = connect()) {
        newer.hello(false);
        older.hello(false);
        newer.hello(false);
        Plane second = passOn(first);
        second.post("e1");
        assertThat(newer.next()).isEqualTo("e1#0");
        assertThat(older.quiet()).isTrue();
      }
      Await.until("it is gone", () -> planes.get(0).connections() == 1);
      planes.get(0).post("e2");
      assertThat(older.next()).isEqualTo("e2#0");
    }
  }

  @Test
  void nothingExpiresWhileFrozenAndEverythingInTimeAfterwards() throws Exception {
    planes.remove(first);
    first.close();
    QuotaOptions quotas = new QuotaOptions().setMailboxAgeMs(150);
    first = add(Plane.listen(directory.resolve("test.sock"), quotas));
    try (Caller idle = connect()) {
      first.post("e1");
      EpollVertx.await(first.freeze());
      for (int i = 0; i < 4; i++) {
        assertThat(idle.quiet()).isTrue();
      }
      assertThat(first.events()).isEqualTo(1);
      planes.remove(first);
      Plane second = first.heir();
      first.close();
      assertThat(add(second).events()).isEqualTo(1);
      second.thaw();
      Await.until("it has expired", () -> second.dropped() == 1);
      Await.until("closed", () -> second.descriptors() == 0);
    }
  }

  /** A request that was read before the freeze is answered, however long that takes. */
  @Test
  void bodyInFlightIsWaitedForAndAnswered() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    try (Caller caller = connect().hello(false)) {
      first.account().execute(() -> await(slow));
      caller.sendBody(request("post", 7));
      assertThat(caller.quiet()).isTrue();
      Future<Void> frozen = first.freeze();
      caller.send(request("large", 8));
      assertThat(caller.quiet()).isTrue();
      assertThat(frozen.isComplete()).isFalse();
      slow.countDown();
      EpollVertx.await(frozen);
      planes.remove(first);
      Plane second = first.heir();
      assertThat(first.ran()).containsExactly("7");
      first.close();
      add(second).thaw();
      List<String> came = List.of(caller.next(), caller.next(), caller.next());
      assertThat(came).containsExactlyInAnyOrder("7", "t7#0", "8");
      assertThat(came.indexOf("7")).isLessThan(came.indexOf("8"));
      assertThat(second.ran()).containsExactly("8");
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** The rest of a freeze must not come after the thaw. */
  @Test
  void freezeThatIsGivenUpFreezesNothing() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    try (Caller caller = connect().hello(false)) {
      first.account().execute(() -> await(slow));
      caller.sendBody(request("large", 7));
      assertThat(caller.quiet()).isTrue();
      Future<Void> frozen = first.freeze();
      first.giveUpFreeze();
      assertThat(frozen.failed()).isTrue();
      first.thaw();
      slow.countDown();
      assertThat(caller.next()).isEqualTo("7");
      caller.send(request("large", 8));
      assertThat(caller.next()).isEqualTo("8");
      first.post("e1");
      assertThat(caller.next()).isEqualTo("e1#0");
    }
  }

  @Test
  void whoRollsBackGoesOnAsIfNothingHadBeen() throws Exception {
    try (Caller caller = connect().hello(true)) {
      first.post("e1");
      assertThat(caller.next()).isEqualTo("e1#1");
      EpollVertx.await(first.freeze());
      caller.send(request("large", 1));
      first.post("e2");
      first.heir().close();
      first.thaw();
      List<String> came = List.of(caller.next(), caller.next());
      assertThat(came).containsExactlyInAnyOrder("1", "e2#2");
      assertThat(first.events()).isEqualTo(2);
      try (Caller another = connect().hello(true)) {
        assertThat(another.next()).isEqualTo("e1#1");
        assertThat(another.next()).isEqualTo("e2#2");
      }
    }
  }
}

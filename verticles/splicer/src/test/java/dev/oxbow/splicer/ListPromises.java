package dev.oxbow.splicer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.splicer.load.Wire;
import dev.oxbow.splicer.relay.EndReason;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Live relays can be listed, page by page, and ended by their ids. */
interface ListPromises extends SplicerStage {

  @Test
  default void listsALiveRelayWithItsBytesAndMetadata() {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(request(wire).setMetadata(RawJson.of("{ \"for\":\"me\"}")));
      wire.peerA().write(new byte[120]);
      wire.peerB().read(120);
      wire.peerB().write(new byte[7]);
      wire.peerA().read(7);
      Await.until("both directions are counted", () -> entry(relay).bytesBToA() == 7);
      RelayPage.Entry entry = entry(relay);
      assertThat(entry.relay()).isEqualTo(relay.id());
      assertThat(entry.bytesAToB()).isEqualTo(120);
      assertThat(entry.metadata()).hasToString("{ \"for\":\"me\"}");
      assertThat(entry.ageMs()).isBetween(0L, 10_000L);
      assertThat(entry.idleMs()).isBetween(0L, entry.ageMs() + 1);
      abort(relay).close();
      assertThat(page(null, 10).relays()).isEmpty();
    }
  }

  private RelayPage.Entry entry(Relay relay) {
    return page(null, 10).relays().stream()
        .filter(entry -> entry.relay().equals(relay.id()))
        .findFirst()
        .orElseThrow();
  }

  private RelayPage page(@Nullable String after, int limit) {
    return EpollVertx.await(splicer().list(after, limit));
  }

  @Test
  default void pagesThroughAllRelaysOldestFirst() {
    List<Wire> wires = new ArrayList<>();
    List<Relay> relays = new ArrayList<>();
    try {
      for (int i = 0; i < 7; i++) {
        wires.add(Wire.tcp());
        relays.add(splice(wires.get(i)));
      }
      List<String> ids = relays.stream().map(Relay::id).toList();
      RelayPage first = page(null, 3);
      assertThat(names(first)).isEqualTo(ids.subList(0, 3));
      assertThat(first.next()).isEqualTo(ids.get(2));
      // The relay that the next page begins after may be gone by then.
      abort(relays.get(2)).close();
      RelayPage second = page(first.next(), 2);
      assertThat(names(second)).isEqualTo(ids.subList(3, 5));
      RelayPage last = page(second.next(), 2);
      assertThat(names(last)).isEqualTo(ids.subList(5, 7));
      assertThat(last.next()).isNull();
      for (int i = 0; i < 7; i++) {
        if (i != 2) {
          abort(relays.get(i)).close();
        }
      }
    } finally {
      wires.forEach(Wire::close);
    }
  }

  private static List<String> names(RelayPage page) {
    return page.relays().stream().map(RelayPage.Entry::relay).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, Splicer.MAX_PAGE + 1})
  default void refusesPagesOfImpossibleSize(int limit) {
    try (Wire wire = Wire.tcp()) {
      Relay relay = splice(wire);
      assertFails(splicer().list(null, limit), ErrorCode.BAD_REQUEST, "limit");
      assertThat(page(null, Splicer.MAX_PAGE).relays()).hasSize(1);
      abort(relay).close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "NOT AN ID", "zzzzzzzzzzzzzzzzzzzzzzzzz", "01"})
  default void refusesWhatCannotBeAnId(String id) {
    assertFails(splicer().list(id, 10), ErrorCode.BAD_REQUEST, "after");
    assertFails(splicer().abort(id), ErrorCode.NOT_FOUND, "relay");
  }

  @Test
  default void endsOnlyTheRelayThatIsNamed() {
    try (Wire wire = Wire.tcp();
        Wire other = Wire.tcp()) {
      Relay relay = splice(wire);
      Relay stays = splice(other);
      try (SpliceReport report = abort(relay)) {
        assertThat(report.reason()).isEqualTo(EndReason.ABORTED);
      }
      assertFails(splicer().abort(relay.id()), ErrorCode.NOT_FOUND, relay.id());
      other.peerA().write(new byte[9]);
      assertThat(other.peerB().read(9)).hasSize(9);
      abort(stays).close();
    }
  }

  private static void assertFails(Future<?> future, ErrorCode code, String why) {
    SplicerException failure =
        catchThrowableOfType(SplicerException.class, () -> EpollVertx.await(future));
    assertThat(failure).hasMessageContaining(why);
    assertThat(failure.code()).isEqualTo(code);
  }

  @Test
  default void countsWhatItHasDone() {
    try (Wire wire = Wire.tcp()) {
      long before = stat("finished");
      Relay relay = splice(wire);
      assertThat(stat("relays")).isEqualTo(1);
      wire.peerA().write(new byte[1000]);
      wire.peerB().read(1000);
      abort(relay).close();
      JsonObject stats = EpollVertx.await(splicer().stats());
      assertThat(stats.getLong("relays")).isZero();
      assertThat(stats.getLong("finished")).isEqualTo(before + 1);
      assertThat(stats.getLong("bytes")).isEqualTo(1000);
      assertThat(stats.getLong("stalls")).isZero();
      assertThat(stats.getJsonObject("ended").getLong("aborted")).isEqualTo(1);
      assertThat(stats.getJsonObject("ended").getLong("eof")).isZero();
    }
  }

  /** The report of a relay that ends at once does not get lost before it is waited for. */
  @RepeatedTest(4)
  default void tellsEveryRelaysEndHoweverSoonItComes() {
    List<Wire> wires = new ArrayList<>();
    List<Future<SpliceReport>> reports = new ArrayList<>();
    try {
      for (int i = 0; i < 300; i++) {
        Wire wire = Wire.Pairing.UNIX_UNIX.open();
        wires.add(wire);
        wire.peerA().halfClose();
        wire.peerB().halfClose();
        reports.add(splicer().splice(request(wire)).compose(Relay::finished));
      }
      for (Future<SpliceReport> report : reports) {
        EpollVertx.await(report).close();
      }
    } finally {
      wires.forEach(Wire::close);
    }
  }
}

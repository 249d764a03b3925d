package dev.oxbow.splicer.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What stands where in the memory that another version of this program may take over. */
@DescriptorLeaks
class LedgerTest {

  private static RelaySpec spec(long id) {
    return new RelaySpec(
        id, 4_000_000_000L, true, 5, 6, true, false, 0x802, 0x2, null, 0, null, 0, 11, 22, 33, 44);
  }

  @Test
  void recordKeepsItsFieldsWhereTheyAreDocumented() {
    NativeMemory memory = NativeMemory.allocate(3 * RelayRecord.BYTES);
    int base = RelayRecord.BYTES;
    RelayRecord record = new RelayRecord(memory, base, 0, Ledger.VERSION);
    record.begin(spec(77), 123_456);
    assertThat(memory.getLong(base)).isEqualTo(77);
    assertThat(memory.getLong(base + 8)).isEqualTo(123_456);
    assertThat(memory.getLong(base + 16)).isEqualTo(123_456);
    assertThat(memory.getLong(base + 32)).isEqualTo(11);
    assertThat(memory.getLong(base + 40)).isEqualTo(22);
    assertThat(memory.getLong(base + 48)).isEqualTo(33);
    assertThat(memory.getLong(base + 56)).isEqualTo(44);
    assertThat(memory.getInt(base + 72)).isEqualTo((int) 4_000_000_000L);
    assertThat(memory.getInt(base + 76)).isEqualTo(0x802);
    assertThat(memory.getInt(base + 80)).isEqualTo(0x2);
    assertThat(memory.getInt(base + 96 + 24)).isEqualTo(-1);
    assertThat(memory.getInt(base + 160 + 24)).isEqualTo(-1);
    record.activityNanos(9);
    assertThat(memory.getLong(base + 16)).isEqualTo(9);
    record.ending(EndReason.MAX_BYTES, 99);
    record.endedBy(Side.B);
    record.errno(104);
    assertThat(memory.getLong(base + 24)).isEqualTo(99);
    assertThat(memory.getByte(base + 64)).isEqualTo((byte) 6);
    assertThat(memory.getByte(base + 65)).isEqualTo((byte) 2);
    assertThat(memory.getInt(base + 68)).isEqualTo(104);
    assertThat(memory.getLong(base - 8)).isZero();
    assertThat(memory.getLong(base + RelayRecord.BYTES)).isZero();
  }

  @Test
  void directionsKeepTheirFieldsWhereTheyAreDocumented() {
    NativeMemory memory = NativeMemory.allocate(RelayRecord.BYTES);
    RelayRecord record = new RelayRecord(memory, 0, 0, Ledger.VERSION);
    for (int direction = 0; direction < 2; direction++) {
      int at = 96 + 64 * direction;
      record.in(direction, 1_000 + direction);
      record.out(direction, 900);
      record.prelude(direction, 300);
      record.pipe(direction, 12);
      record.addEnds(direction, RelayRecord.SOURCE_ENDED);
      record.addEnds(direction, RelayRecord.SHUT_DOWN);
      assertThat(memory.getLong(at)).isEqualTo(1_000 + direction);
      assertThat(memory.getLong(at + 8)).isEqualTo(900);
      assertThat(memory.getLong(at + 16)).isEqualTo(300);
      assertThat(memory.getInt(at + 24)).isEqualTo(12);
      assertThat(memory.getInt(at + 28)).isEqualTo(3);
      assertThat(record.delivered(direction)).isEqualTo(600);
      record.out(direction, 100);
      assertThat(record.delivered(direction)).isZero();
    }
    assertThat(RelayRecord.SOURCE_RESET).isEqualTo(4);
  }

  @Test
  void clearLeavesNothing() {
    NativeMemory memory = NativeMemory.allocate(RelayRecord.BYTES);
    RelayRecord record = new RelayRecord(memory, 0, 0, Ledger.VERSION);
    record.begin(spec(1), 2);
    record.in(1, 5);
    record.clear();
    assertThat(memory.bytes(0, RelayRecord.BYTES)).containsOnly(0);
  }

  @Test
  void reasonsKeepTheirCodesAndNames() {
    String[] names = {
      "eof", "reset", "idle", "half-close-timeout", "max-duration", "max-bytes", "aborted", "error"
    };
    for (EndReason reason : EndReason.values()) {
      assertThat(reason.wireName()).isEqualTo(names[reason.code() - 1]);
      assertThat(EndReason.of(reason.wireName())).isEqualTo(reason);
    }
    assertThat(EndReason.of("of a later version")).isEqualTo(EndReason.ERROR);
  }

  @Test
  void groupsHaveRecordsOfTheirOwnAndGiveFreedOnesAgain() {
    try (Ledger ledger = new Ledger(2)) {
      RelayRecord first = Objects.requireNonNull(ledger.free(3));
      first.begin(spec(3), 1);
      RelayRecord second = Objects.requireNonNull(ledger.free(3));
      second.begin(spec(3 + DataPlane.GROUPS), 1);
      assertThat(ledger.free(3)).isNull();
      RelayRecord other = Objects.requireNonNull(ledger.free(4));
      other.begin(spec(4), 1);
      assertThat(first.id()).isEqualTo(3);
      assertThat(second.id()).isEqualTo(3 + DataPlane.GROUPS);
      first.clear();
      RelayRecord again = Objects.requireNonNull(ledger.free(3));
      again.begin(spec(99), 1);
      assertThat(first.id()).isEqualTo(99);
    }
  }
}

package dev.oxbow.handoff.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.state.StateTable.Layout;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class StateTableTest {
  private static final long MAGIC = 0x1234_5678_9abc_def0L;
  private static final Layout LAYOUT = new Layout(MAGIC, 3, 2, 64, 100);

  @Test
  void anotherMappingOfTheSameMemfdSeesTheSameBytes() {
    try (StateTable first = StateTable.open("test", LAYOUT);
        StateTable second = StateTable.adopt(first.descriptor().duplicate(), MAGIC, 3)) {
      first.memory().putLong(first.offset(99) + 56, 42);
      assertThat(second.memory().getLong(second.offset(99) + 56)).isEqualTo(42);
      assertThat(second.layout()).isEqualTo(LAYOUT);
    }
  }

  @Test
  void stateOutlivesTheTableThatMadeIt() {
    Descriptor kept;
    try (StateTable first = StateTable.open("test", LAYOUT)) {
      first.memory().putInt(first.offset(0), 7);
      kept = first.descriptor().duplicate();
    }
    try (StateTable second = StateTable.adopt(kept, MAGIC, 9)) {
      assertThat(second.memory().getInt(second.offset(0))).isEqualTo(7);
    }
  }

  @Test
  void recordsStartZeroedAndLieOneBehindTheOther() {
    try (StateTable table = StateTable.open("test", LAYOUT)) {
      assertThat(table.offset(0)).isEqualTo(StateTable.HEADER_BYTES);
      assertThat(table.offset(5) - table.offset(4)).isEqualTo(64);
      assertThat(table.memory().size()).isEqualTo(StateTable.HEADER_BYTES + 64 * 100);
      for (int at = table.offset(0); at < table.memory().size(); at += 8) {
        assertThat(table.memory().getLong(at)).isZero();
      }
    }
  }

  @Test
  void tableOfAnotherKindIsRefusedAndStaysItsOwners() {
    try (StateTable table = StateTable.open("test", LAYOUT)) {
      Descriptor copy = table.descriptor().duplicate();
      assertThatThrownBy(() -> StateTable.adopt(copy, MAGIC + 1, 3))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("not a table of the expected kind");
      assertThat(copy.isOpen()).isTrue();
      copy.close();
    }
  }

  @Test
  void layoutThatIsTooNewIsRefusedWithBothVersions() {
    Layout newer = new Layout(MAGIC, 8, 7, 64, 1);
    try (StateTable table = StateTable.open("test", newer)) {
      Descriptor copy = table.descriptor().duplicate();
      assertThatThrownBy(() -> StateTable.adopt(copy, MAGIC, 6))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("layout 8")
          .hasMessageContaining("from version 7")
          .hasMessageContaining("knows 6");
      copy.close();
    }
  }

  @Test
  void memoryCanNeitherShrinkNorGrowUnderItsMappings() {
    try (StateTable table = StateTable.open("test", LAYOUT)) {
      int fd = table.descriptor().fd();
      assertThatThrownBy(() -> Syscalls.ftruncate(fd, 0)).isInstanceOf(LinuxException.class);
      assertThatThrownBy(() -> Syscalls.ftruncate(fd, 1 << 20)).isInstanceOf(LinuxException.class);
    }
  }

  @Test
  void closedTableRefusesAccessInsteadOfFaulting() {
    StateTable table = StateTable.open("test", LAYOUT);
    NativeMemory memory = table.memory();
    table.close();
    assertThatThrownBy(() -> memory.getLong(0)).isInstanceOf(IndexOutOfBoundsException.class);
    table.close();
  }
}

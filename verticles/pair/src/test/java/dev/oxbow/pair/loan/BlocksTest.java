package dev.oxbow.pair.loan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class BlocksTest {

  @Test
  void everyPortHasAHomeWhateverWasGranted() {
    assertThat(Home.of(1)).isEqualTo(Home.FIRST);
    assertThat(Home.of(63)).isEqualTo(Home.FIRST);
    assertThat(Home.of(64)).isEqualTo(Home.SECOND);
    assertThat(Home.of(128)).isEqualTo(Home.FIRST);
    assertThat(Home.of(65_535)).isEqualTo(Home.SECOND);
    Blocks few = Blocks.of(List.of(new Blocks.Range(0, 7, 20_000, 20_999)));
    Blocks more =
        Blocks.of(List.of(new Blocks.Range(0, 9, 1, 100), new Blocks.Range(0, 7, 19_000, 20_999)));
    for (int port = 20_000; port <= 20_999; port++) {
      assertThat(few.home(few.number(0, 7, port))).isEqualTo(Home.of(port));
      assertThat(more.home(more.number(0, 7, port))).isEqualTo(Home.of(port));
    }
  }

  @Test
  void aBlockHasOneNumberHoweverManyRangesReachIntoIt() {
    Blocks blocks =
        Blocks.of(List.of(new Blocks.Range(0, 7, 130, 140), new Blocks.Range(0, 7, 150, 200)));
    assertThat(blocks.count()).isEqualTo(2);
    assertThat(blocks.number(0, 7, 130)).isEqualTo(blocks.number(0, 7, 191)).isZero();
    assertThat(blocks.number(0, 7, 192)).isEqualTo(1);
    assertThat(blocks.id(1)).isEqualTo(new Blocks.Id(0, 7, 3));
    assertThat(blocks.number(new Blocks.Id(0, 7, 3))).isEqualTo(1);
  }

  @Test
  void whatIsNotGrantedHasNoNumber() {
    Blocks blocks = Blocks.of(List.of(new Blocks.Range(0, 7, 128, 191)));
    assertThat(blocks.number(0, 7, 127)).isEqualTo(-1);
    assertThat(blocks.number(0, 8, 128)).isEqualTo(-1);
    assertThat(blocks.number(1, 7, 128)).isEqualTo(-1);
  }

  @Test
  void rangesAreRangesOfPorts() {
    assertThatThrownBy(() -> new Blocks.Range(0, 7, 0, 9)).hasMessage("ports 0-9");
    assertThatThrownBy(() -> new Blocks.Range(0, 7, 9, 8)).hasMessage("ports 9-8");
    assertThatThrownBy(() -> new Blocks.Range(0, 7, 9, 65_536)).hasMessage("ports 9-65536");
  }
}

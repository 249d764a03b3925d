package dev.oxbow.handoff.upgrade;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.message.UnixSockets;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.handoff.upgrade.HandoffChannel.BrokenException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DescriptorLeaks
class FaultsTest {

  /** What comes of the second of three messages, sent when that stage and step are reached. */
  private static String received(Faults faults, Stage stage, int step) {
    Descriptor[] ends = UnixSockets.pair();
    try (HandoffChannel sender = new HandoffChannel(ends[0]);
        HandoffChannel receiver = new HandoffChannel(ends[1])) {
      sender.use(faults);
      sender.send(new MessageWriter().number("n", 1), 1000);
      assertThat(receiver.receive(1000).message().integer("n", 0, 9)).isEqualTo(1);
      faults.at(stage, step);
      sender.send(new MessageWriter().number("n", 2), 1000);
      sender.send(new MessageWriter().number("n", 3), 1000);
      return receiver.receive(1000).message().has("n") ? "whole" : "other";
    } catch (BrokenException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @Test
  void nothingHappensWithoutTheVariable() {
    assertThat(received(Faults.parse(null, Side.SUCCESSOR), Stage.COPY, 0)).isEqualTo("whole");
    assertThat(received(Faults.parse("", Side.SUCCESSOR), Stage.COPY, 0)).isEqualTo("whole");
  }

  @Test
  void nothingHappensElsewhere() {
    String text = "successor:switch:3:truncate";
    assertThat(received(Faults.parse(text, Side.PREDECESSOR), Stage.SWITCH, 3)).isEqualTo("whole");
    assertThat(received(Faults.parse(text, Side.SUCCESSOR), Stage.SWITCH, 2)).isEqualTo("whole");
    assertThat(received(Faults.parse(text, Side.SUCCESSOR), Stage.COPY, 3)).isEqualTo("whole");
  }

  @ParameterizedTest
  @ValueSource(strings = {"truncate", "damage", "cut"})
  void messageIsSpoiledWhereItIsDue(String fault) {
    Faults faults = Faults.parse("successor:switch:3:" + fault + ":5", Side.SUCCESSOR);
    assertThat(received(faults, Stage.SWITCH, 3)).isNotEqualTo("whole");
  }

  @Test
  void messageIsDroppedAndTheNextIsNot() {
    Faults faults = Faults.parse("Predecessor:COPY:1:Drop", Side.PREDECESSOR);
    Descriptor[] ends = UnixSockets.pair();
    try (HandoffChannel sender = new HandoffChannel(ends[0]);
        HandoffChannel receiver = new HandoffChannel(ends[1])) {
      sender.use(faults);
      faults.at(Stage.COPY, 1);
      sender.send(new MessageWriter().number("n", 1), 1000);
      sender.send(new MessageWriter().number("n", 2), 1000);
      assertThat(receiver.receive(1000).message().integer("n", 0, 9)).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "successor",
        "successor:copy:1",
        "nobody:copy:1:die",
        "successor:lunch:1:die",
        "successor:copy:x:die",
        "successor:copy:1:sing",
        "successor:copy:1:die:x"
      })
  void nonsenseIsRefused(String text) {
    assertThatThrownBy(() -> Faults.parse(text, Side.SUCCESSOR))
        .isInstanceOf(IllegalArgumentException.class);
  }
}

package dev.oxbow.handoff.cargo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class CargoTest {

  /** As the other process has it: copies of all descriptors, owned by the cargo. */
  private static Cargo received(Cargo sent) {
    Cargo cargo = new Cargo();
    sent.names().forEach(name -> cargo.give(name, sent.get(name).duplicate()));
    return cargo;
  }

  @Test
  void documentsArriveAsTheyWerePutIn() {
    byte[] bytes = new byte[3_000_000];
    bytes[2_999_999] = 7;
    try (Cargo sent = new Cargo().document("large", bytes).document("empty", new byte[0]);
        Cargo cargo = received(sent)) {
      assertThat(cargo.document("large")).isEqualTo(bytes);
      assertThat(cargo.document("empty")).isEmpty();
      assertThat(cargo.names()).isEmpty();
      assertThatThrownBy(() -> cargo.document("large"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("missing in what was handed over: document/large");
    }
  }

  @Test
  void recordsArriveInOrder() {
    List<MessageWriter> records = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      records.add(new MessageWriter().number("i", i).string("text", "é".repeat(i)));
    }
    try (Cargo sent = new Cargo().records("list", records).records("none", List.of());
        Cargo cargo = received(sent)) {
      List<Message> came = cargo.records("list");
      assertThat(came).hasSize(1000);
      for (int i = 0; i < 1000; i++) {
        assertThat(came.get(i).integer("i", 0, 1000)).isEqualTo(i);
        assertThat(came.get(i).string("text")).hasSize(i);
      }
      assertThat(cargo.records("none")).isEmpty();
    }
  }

  @Test
  void damagedRecordsAreRefusedNamingThem() {
    byte[] whole = "{\"a\":1}".getBytes(StandardCharsets.UTF_8);
    refuses(record(whole.length, whole).put(new byte[] {0, 0}), "damaged after 1");
    refuses(record(whole.length + 1, whole), "damaged after 0");
    refuses(record(-1, whole), "damaged after 0");
    refuses(record(Integer.MAX_VALUE, whole), "damaged after 0");
    refuses(record(whole.length - 1, whole), "damaged after 0");
    refuses(record(3, "[1]".getBytes(StandardCharsets.UTF_8)), "damaged after 0");
  }

  private static ByteBuffer record(int length, byte[] json) {
    return ByteBuffer.allocate(100).putInt(length).put(json);
  }

  private static void refuses(ByteBuffer document, String why) {
    byte[] bytes = new byte[document.position()];
    document.flip().get(bytes);
    try (Cargo cargo = new Cargo().document("list", bytes)) {
      assertThatThrownBy(() -> cargo.records("list"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("list is " + why);
    }
  }

  @Test
  void namesAreTakenOnce() {
    try (Descriptor memfd = Memfd.open("x", 1);
        Cargo cargo = new Cargo().lend("x", memfd)) {
      assertThatThrownBy(() -> cargo.lend("x", memfd))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("twice in the cargo: x");
      assertThat(cargo.has("x")).isTrue();
      assertThat(cargo.get("x")).isSameAs(memfd);
      assertThat(cargo.take("x")).isSameAs(memfd);
      assertThat(cargo.takeIfThere("x")).isNull();
      assertThatThrownBy(() -> cargo.take("x")).hasMessageEndingWith("handed over: x");
      assertThatThrownBy(() -> cargo.get("x")).hasMessageEndingWith("handed over: x");
    }
  }

  @Test
  void closesWhatItOwnsAndNothingElse() {
    Descriptor lent = Memfd.open("lent", 1);
    Descriptor given = Memfd.open("given", 1);
    Descriptor taken = Memfd.open("taken", 1);
    Cargo cargo = new Cargo().lend("lent", lent).give("given", given).give("taken", taken);
    assertThat(cargo.take("taken")).isSameAs(taken);
    cargo.close();
    cargo.close();
    assertThat(given.isOpen()).isFalse();
    assertThat(lent.isOpen() && taken.isOpen()).isTrue();
    lent.close();
    taken.close();
  }
}

package dev.oxbow.service.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What a service says of itself reaches the caller as it was. */
@DescriptorLeaks
class CountersTest {

  private static JsonObject read(String stats) {
    return Counters.of(
        Message.parse(("{\"stats\":" + stats + "}").getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void numbersTextsFlagsAndWhatIsNullStayWhatTheyAre() {
    String stats =
        "{\"relays\":3,\"share\":0.5,\"pair\":{\"connected\":false,\"partner\":null,"
            + "\"name\":\"edge-1\",\"blocks\":{\"own\":8}}}";
    assertThat(read(stats)).isEqualTo(new JsonObject(stats));
  }

  @Test
  void listIsNoCounter() {
    assertThatThrownBy(() -> read("{\"relays\":[1]}"))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("relays");
  }
}

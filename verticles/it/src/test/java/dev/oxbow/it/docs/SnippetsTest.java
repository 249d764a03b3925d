package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.config.OxbowConfig;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Configurations and messages in the documentation are valid. */
@DescriptorLeaks
class SnippetsTest {

  static List<Markdown.Block> configurations() {
    return Markdown.blocksOf("yaml").stream().filter(b -> b.argument().isEmpty()).toList();
  }

  static List<Markdown.Block> messages() {
    return Markdown.blocksOf("json");
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void configurationIsValid(Markdown.Block yaml) {
    assertThat(OxbowConfig.parse(yaml.text(), yaml.toString()).getRuntimeDir()).isNotNull();
  }

  @ParameterizedTest
  @MethodSource("messages")
  void messagesAreJson(Markdown.Block messages) {
    for (String message : messages.text().split("\n(?=\\{)", -1)) {
      assertThat(new JsonObject(message)).as(messages.toString()).isNotEmpty();
    }
  }
}

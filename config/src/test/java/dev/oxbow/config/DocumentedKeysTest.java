package dev.oxbow.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every key of the schema is in the annotated default and in the documentation. */
class DocumentedKeysTest {

  private static final ConfigSchema SCHEMA = ConfigSchema.load();
  private static final Path DOCS = Path.of("..", "docs", "configuration.md");

  /** Prose has one space after the number sign, keys have none and their children more. */
  private static final Pattern SWITCHED_OFF = Pattern.compile("(?m)^( *)#(?! [^ ])");

  /** Comment lines and, below them, a key that may be switched off. */
  private static final Pattern EXPLAINED =
      Pattern.compile("((?: *# [^ ].*\n)+) *#?([A-Za-z0-9]+):.*\n");

  static Stream<List<String>> keys() {
    List<List<String>> found = new ArrayList<>();
    collect(SCHEMA.root(), List.of(), found);
    return found.stream();
  }

  /** Without those of perUid, which are explained in the section above it. */
  static Stream<List<String>> keysOfSections() {
    return keys().filter(path -> !path.contains("1000"));
  }

  private static void collect(JsonObject node, List<String> path, List<List<String>> found) {
    List<String> steps = new ArrayList<>(ConfigSchema.keys(node));
    if (node.getValue("additionalProperties") instanceof JsonObject) {
      steps.add("1000");
    }
    for (String step : steps) {
      List<String> child = new ArrayList<>(path);
      child.add(step);
      found.add(child);
      collect(SCHEMA.child(node, step), child, found);
    }
  }

  @ParameterizedTest
  @MethodSource("keys")
  void annotatedDefaultHasTheKeyWithItsDefault(List<String> path) {
    Object value = uncommented();
    for (String step : path) {
      assertThat(value).isInstanceOf(JsonObject.class);
      assertThat(((JsonObject) value).fieldNames()).contains(step);
      value = ((JsonObject) value).getValue(step);
    }
    Object expected = SCHEMA.at(path).getValue("default");
    boolean list = expected instanceof JsonArray || expected instanceof JsonObject;
    if (expected != null && !list) {
      assertThat(value).asString().isEqualTo(expected.toString());
    }
  }

  @ParameterizedTest
  @MethodSource("keysOfSections")
  void annotatedDefaultExplainsTheKeyWithItsBounds(List<String> path) {
    var explained = new JsonObject();
    Matcher matcher = EXPLAINED.matcher(OxbowConfig.annotatedDefault());
    while (matcher.find()) {
      explained.put(matcher.group(2), matcher.group(1).replaceAll("\\s+# |\n", " "));
    }
    String key = path.get(path.size() - 1);
    assertThat(explained.fieldNames()).contains(key);
    JsonObject about = SCHEMA.at(path);
    if (!ConfigSchema.hasType(about, "object")) {
      String bounds = new SchemaTables(SCHEMA).bounds(about);
      assertThat(explained.getString(key)).containsIgnoringCase(bounds);
    }
  }

  @Test
  void annotatedDefaultIsValidAsItIsAndMeansTheDefaults() {
    OxbowOptions options = OxbowConfig.parse(OxbowConfig.annotatedDefault(), "oxbow.yaml");

    OxbowOptions defaults =
        new OxbowOptions(Path.of("/run/oxbow")).setSplicer(new SplicerOptions());
    assertThat(options.toJson()).isEqualTo(defaults.toJson());
  }

  @Test
  void annotatedDefaultIsValidWithEveryKeySwitchedOn() {
    OxbowOptions options = OxbowConfig.parse(withEveryKey(), "oxbow.yaml");

    assertThat(options.getControl().getSocketGroup()).isEqualTo("www-data");
    assertThat(options.getQuotas().forUid(1000).getRelays()).isEqualTo(20_000);
    assertThat(options.getBumblebee().toJson()).isEqualTo(new BumblebeeOptions().toJson());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "control", "quotas", "handoff", "splicer", "bumblebee", "fish", "fish.pair"})
  void documentationHasTheTableOfTheSection(String section) throws IOException {
    List<String> path = section.isEmpty() ? List.of() : List.of(section.split("\\.", -1));
    String table = new SchemaTables(SCHEMA).table(path);

    assertThat(Files.readString(DOCS))
        .as("paste this into %s:%n%s", DOCS.normalize(), table)
        .contains("\n\n" + table);
  }

  @Test
  void documentationIsCheckedForEverySection() {
    List<String> sections =
        ConfigSchema.keys(SCHEMA.root()).stream()
            .filter(key -> ConfigSchema.hasType(SCHEMA.at(List.of(key)), "object"))
            .toList();

    assertThat(sections)
        .containsExactly("control", "quotas", "handoff", "splicer", "bumblebee", "fish");
  }

  @ParameterizedTest
  @MethodSource("examples")
  void exampleOfTheDocumentationIsValid(String yaml) {
    OxbowOptions options = OxbowConfig.parse(yaml, "example");
    assertThat(
            options.getSplicer() != null
                || options.getBumblebee() != null
                || options.getFish() != null)
        .isTrue();
  }

  static Stream<String> examples() throws IOException {
    Matcher matcher = Pattern.compile("(?s)```yaml\n(.*?)```").matcher(Files.readString(DOCS));
    return matcher.results().map(result -> result.group(1));
  }

  @Test
  void refusalsInTheDocumentationAreTheRealOnes() throws IOException {
    Matcher matcher =
        Pattern.compile("(?s)```yaml refused\n(.*?)```.*?```text\n(.*?)```")
            .matcher(Files.readString(DOCS));
    assertThat(matcher.find()).isTrue();

    assertThat(RefusalTest.refusal(matcher.group(1))).isEqualTo(matcher.group(2).strip());
  }

  static String withEveryKey() {
    return SWITCHED_OFF.matcher(OxbowConfig.annotatedDefault()).replaceAll("$1");
  }

  private static JsonObject uncommented() {
    return YamlDocument.read(withEveryKey(), SCHEMA).root();
  }
}

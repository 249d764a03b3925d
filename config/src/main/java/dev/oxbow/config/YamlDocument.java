package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.reader.ReaderException;

/**
 * A YAML text as JSON that remembers its lines. Only nodes are composed, nothing is constructed
 * from tags; what JSON or this configuration has no use for (aliases, tags, keys that are no
 * scalars, duplicates, control characters) is a {@link Problem} and left out of the JSON.
 */
final class YamlDocument {

  /**
   * Where a value is.
   *
   * @param line of its key, or of the value itself in a list; from 1
   * @param text how the value looks in the file, as it is quoted in a message
   */
  record Place(int line, String text) {}

  /** Characters; a configuration with every key has a few thousand. */
  static final int MAX_LENGTH = 1 << 20;

  private static final Pattern INTEGER = Pattern.compile("-?(0|[1-9][0-9]{0,17})");
  private static final Pattern CONTROL = Pattern.compile("\\p{Cntrl}");
  private static final Set<Tag> PLAIN_TAGS =
      Set.of(
          Tag.STR,
          Tag.INT,
          Tag.FLOAT,
          Tag.BOOL,
          Tag.NULL,
          Tag.TIMESTAMP,
          Tag.MERGE,
          Tag.SEQ,
          Tag.MAP);

  private final ConfigSchema schema;
  private final JsonObject root = new JsonObject();
  private final Map<List<String>, Place> places = new HashMap<>();
  private final List<Problem> problems = new ArrayList<>();
  private boolean readable;

  private YamlDocument(ConfigSchema schema) {
    this.schema = schema;
  }

  static YamlDocument read(String text, ConfigSchema schema) {
    var document = new YamlDocument(schema);
    try {
      document.compose(text);
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark() == null ? e.getContextMark() : e.getProblemMark();
      String context = e.getContext() == null ? "" : e.getContext() + ": ";
      document.refuse(List.of(), line(mark), "not valid YAML: " + context + e.getProblem());
    } catch (ReaderException e) {
      int line = 1 + (int) text.codePoints().limit(e.getPosition()).filter(c -> c == '\n').count();
      String character = "U+%04X".formatted(e.getCodePoint());
      document.refuse(List.of(), line, "not valid YAML: " + character + " may not be in it");
    } catch (YAMLException e) {
      document.refuse(List.of(), 1, "not valid YAML: " + e.getMessage());
    }
    return document;
  }

  /** Whether there is a {@link #root} worth validating. */
  boolean readable() {
    return readable;
  }

  JsonObject root() {
    return root;
  }

  List<Problem> problems() {
    return problems;
  }

  /** The place of a value; that of its nearest parent when it is not in the file. */
  Place place(List<String> path) {
    Place place = places.get(path);
    if (place != null) {
      return place;
    }
    return path.isEmpty() ? new Place(1, "") : place(path.subList(0, path.size() - 1));
  }

  /** {@code a.b[0]}. */
  static String display(List<String> path, JsonObject root) {
    var text = new StringBuilder();
    Object value = root;
    for (String step : path) {
      if (value instanceof JsonArray array) {
        text.append('[').append(step).append(']');
        value = array.getValue(Integer.parseInt(step));
      } else {
        text.append(text.isEmpty() ? "" : ".").append(step);
        value = value instanceof JsonObject object ? object.getValue(step) : null;
      }
    }
    return text.toString();
  }

  private void compose(String text) {
    if (text.length() > MAX_LENGTH) {
      refuse(List.of(), 1, "longer than " + MAX_LENGTH + " characters: not a configuration");
      return;
    }
    var options = new LoaderOptions();
    options.setCodePointLimit(MAX_LENGTH);
    options.setMaxAliasesForCollections(0);
    var yaml = new Yaml(options);
    for (Event event : yaml.parse(new StringReader(text))) {
      if (event instanceof AliasEvent alias) {
        refuse(
            List.of(),
            line(alias.getStartMark()),
            "*%s: aliases are not used here; write the value out".formatted(alias.getAnchor()));
      }
    }
    if (!problems.isEmpty()) {
      return;
    }
    Node node = yaml.compose(new StringReader(text));
    if (node == null || Tag.NULL.equals(node.getTag())) {
      refuse(List.of(), 1, "empty; expected keys, at least runtimeDir");
    } else if (node instanceof MappingNode mapping) {
      readable = true;
      places.put(List.of(), new Place(line(node.getStartMark()), ""));
      fill(root, mapping, List.of(), schema.root());
    } else {
      refuse(List.of(), line(node.getStartMark()), "not a mapping; expected lines of key: value");
    }
  }

  private void fill(JsonObject into, MappingNode mapping, List<String> path, JsonObject about) {
    for (NodeTuple tuple : mapping.getValue()) {
      int line = line(tuple.getKeyNode().getStartMark());
      if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
        refuse(path, line, "a list or mapping cannot be a key; expected key: value");
        continue;
      }
      String key = keyNode.getValue();
      if (CONTROL.matcher(key).find()) {
        refuse(path, line, "a key with a line break or control character; expected a plain word");
        continue;
      }
      List<String> child = append(path, key);
      if (into.containsKey(key)) {
        int first = place(child).line();
        refuse(child, line, "set twice, first in line " + first + "; leave one of them");
        continue;
      }
      into.put(key, value(tuple.getValueNode(), child, line, schema.child(about, key)));
    }
  }

  private @Nullable Object value(
      Node node, List<String> path, int line, @Nullable JsonObject about) {
    JsonObject known = about == null ? new JsonObject() : about;
    if (!PLAIN_TAGS.contains(node.getTag())) {
      refuse(path, line, "the tag " + node.getTag() + " is not used here; leave it out");
    }
    if (node instanceof MappingNode mapping) {
      places.put(path, new Place(line, "a section"));
      var object = new JsonObject();
      fill(object, mapping, path, known);
      return object;
    }
    if (node instanceof SequenceNode sequence) {
      places.put(path, new Place(line, "a list"));
      var array = new JsonArray();
      for (Node item : sequence.getValue()) {
        List<String> child = append(path, Integer.toString(array.size()));
        int itemLine = line(item.getStartMark());
        array.add(value(item, child, itemLine, schema.child(known, "0")));
      }
      return array;
    }
    return scalar((ScalarNode) node, path, line, ConfigSchema.hasType(known, "string"));
  }

  private @Nullable Object scalar(ScalarNode node, List<String> path, int line, boolean asText) {
    String text = node.getValue();
    if (Tag.NULL.equals(node.getTag())) {
      places.put(path, new Place(line, "nothing"));
      return null;
    }
    if (CONTROL.matcher(text).find()) {
      refuse(path, line, "a line break or control character is in the value; expected one line");
      places.put(path, new Place(line, "nothing"));
      return null;
    }
    boolean number = Tag.INT.equals(node.getTag()) && INTEGER.matcher(text).matches();
    if (number && !asText) {
      places.put(path, new Place(line, text));
      return Long.valueOf(text);
    }
    places.put(path, new Place(line, '"' + text + '"'));
    return text;
  }

  private void refuse(List<String> path, int line, String message) {
    problems.add(new Problem(display(path, root), line, message));
  }

  private static int line(@Nullable Mark mark) {
    return mark == null ? 1 : mark.getLine() + 1;
  }

  private static List<String> append(List<String> path, String step) {
    var longer = new ArrayList<>(path);
    longer.add(step);
    return List.copyOf(longer);
  }
}

package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The schema of the configuration, to be asked by paths of the instance. Immutable; the nodes it
 * gives out are copies with their {@code $ref} resolved.
 */
final class ConfigSchema {

  private static final String RESOURCE = "oxbow.schema.json";
  private static final String BASE_URI = "app://oxbow/";

  private final JsonObject root;

  ConfigSchema(JsonObject root) {
    this.root = root;
  }

  static ConfigSchema load() {
    return new ConfigSchema(new JsonObject(resource(RESOURCE)));
  }

  /** A text resource of this package. */
  static String resource(String name) {
    try (InputStream in = ConfigSchema.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is missing from the class path of oxbow-config");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }

  /** All that is wrong with an instance, as the library says it. */
  List<OutputUnit> validate(JsonObject instance) {
    var options =
        new JsonSchemaOptions()
            .setDraft(Draft.DRAFT202012)
            .setBaseUri(BASE_URI)
            .setOutputFormat(OutputFormat.Basic);
    // The library writes resolved URIs into the schema it is given.
    OutputUnit output = Validator.create(JsonSchema.of(root.copy()), options).validate(instance);
    List<OutputUnit> errors = output.getErrors();
    if (Boolean.TRUE.equals(output.getValid())) {
      return List.of();
    }
    return errors == null ? List.of(output) : errors;
  }

  JsonObject root() {
    return resolve(root);
  }

  /** The node that describes the value at a path, or null where the schema knows no such key. */
  @Nullable JsonObject at(List<String> path) {
    JsonObject node = root();
    for (String step : path) {
      node = child(node, step);
      if (node == null) {
        return null;
      }
    }
    return node;
  }

  /** The node for a key of a section or an index of a list; null where there is none. */
  @Nullable JsonObject child(JsonObject node, String step) {
    JsonObject property = node.getJsonObject("properties", new JsonObject()).getJsonObject(step);
    if (property != null) {
      return resolve(property);
    }
    for (String keyword : List.of("additionalProperties", "items")) {
      if (node.getValue(keyword) instanceof JsonObject any) {
        return resolve(any);
      }
    }
    return null;
  }

  /** The target of {@code $ref}, if there is one, with the node's own keywords laid over it. */
  private JsonObject resolve(JsonObject node) {
    String ref = node.getString("$ref");
    if (ref == null) {
      return node.copy();
    }
    JsonObject defs = root.getJsonObject("$defs");
    JsonObject target = defs.getJsonObject(ref.substring("#/$defs/".length()));
    JsonObject merged = target.copy().mergeIn(node);
    merged.remove("$ref");
    return merged;
  }

  static List<String> keys(JsonObject node) {
    return List.copyOf(node.getJsonObject("properties", new JsonObject()).fieldNames());
  }

  /** The first section of the root that knows a key. */
  Optional<String> sectionWith(String key) {
    JsonObject top = root();
    return keys(top).stream()
        .filter(
            section -> keys(top.getJsonObject("properties").getJsonObject(section)).contains(key))
        .findFirst();
  }

  static boolean hasType(JsonObject node, String type) {
    Object types = node.getValue("type");
    return types instanceof JsonArray several ? several.contains(type) : type.equals(types);
  }

  /** What would be right at a node, as in "expected ...". */
  String expected(JsonObject node) {
    String title = node.getString("title");
    String meaning = title == null ? "" : " (" + title + ")";
    return shape(node) + meaning;
  }

  /** The type with its bounds, in words. */
  String shape(JsonObject node) {
    if (node.getString("x-expected") != null) {
      return node.getString("x-expected");
    }
    if (hasType(node, "integer")) {
      return "an integer from " + node.getLong("minimum") + " to " + node.getLong("maximum");
    }
    if (hasType(node, "array")) {
      JsonObject items = resolve(node.getJsonObject("items"));
      return "a list of at most %d, in brackets, each %s"
          .formatted(node.getInteger("maxItems"), shape(items));
    }
    if (hasType(node, "object")) {
      List<String> keys = keys(node);
      return keys.isEmpty()
          ? "a section, each key " + node.getJsonObject("propertyNames").getString("x-expected")
          : "a section with any of the keys " + String.join(", ", keys);
    }
    return "text";
  }
}

package dev.oxbow.config;

import io.vertx.core.json.Json;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Locale;

/** The tables of docs/configuration.md, as the schema wants them. */
final class SchemaTables {

  private final ConfigSchema schema;

  SchemaTables(ConfigSchema schema) {
    this.schema = schema;
  }

  /** A table of the keys of one section, in Markdown, ending in a line feed. */
  String table(List<String> section) {
    JsonObject node = schema.at(section);
    var text = new StringBuilder("| Key | Type | Default | Bounds | Meaning |\n");
    text.append("|---|---|---|---|---|\n");
    for (String key : ConfigSchema.keys(node)) {
      JsonObject about = schema.child(node, key);
      boolean required = node.getJsonArray("required", new JsonArray()).contains(key);
      text.append("| `%s` | ".formatted(key))
          .append(type(about))
          .append(" | ")
          .append(required ? "**required**" : defaultOf(about))
          .append(" | ")
          .append(bounds(about))
          .append(" | ")
          .append(meaning(about))
          .append(" |\n");
    }
    return text.toString();
  }

  String bounds(JsonObject about) {
    if (about.getString("x-expected") != null) {
      return about.getString("x-expected");
    }
    if (ConfigSchema.hasType(about, "integer")) {
      return about.getLong("minimum") + ".." + about.getLong("maximum");
    }
    if (ConfigSchema.hasType(about, "array")) {
      return "at most "
          + about.getInteger("maxItems")
          + ", each "
          + bounds(schema.child(about, "0"));
    }
    JsonObject names = about.getJsonObject("propertyNames");
    return names == null ? "–" : "each key " + names.getString("x-expected");
  }

  private String type(JsonObject about) {
    if (ConfigSchema.hasType(about, "integer")) {
      return "integer";
    }
    if (ConfigSchema.hasType(about, "array")) {
      JsonObject item = schema.child(about, "0");
      return ConfigSchema.hasType(item, "integer")
          ? "list of integers"
          : ConfigSchema.hasType(item, "object") ? "list of sections" : "list of text";
    }
    return ConfigSchema.hasType(about, "object") ? "section" : "text";
  }

  private static String defaultOf(JsonObject about) {
    Object value = about.getValue("default");
    return value == null ? "–" : "`" + Json.encode(value).replace("\"", "") + "`";
  }

  private static String meaning(JsonObject about) {
    String title = about.getString("title");
    String capital = title.substring(0, 1).toUpperCase(Locale.ROOT) + title.substring(1);
    return capital + ". " + about.getString("description");
  }
}

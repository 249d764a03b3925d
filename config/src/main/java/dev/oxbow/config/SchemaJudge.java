package dev.oxbow.config;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.OutputUnit;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Turns the validator's errors to sentences. The validator names the place and the keyword that was
 * violated; the words come from the schema node at that place.
 */
final class SchemaJudge {

  /** Keywords that only say that something deeper was wrong, which has an error of its own. */
  private static final Set<String> CARRIERS =
      Set.of("properties", "items", "$ref", "propertyNames");

  private static final String FISH = "fish";
  private static final String EGRESS = "egress";
  private static final String PORTS = "ports";

  private final ConfigSchema schema;
  private final YamlDocument document;

  /** A place with several errors (too long and of a wrong form) is told once. */
  private final Set<Problem> problems = new LinkedHashSet<>();

  private SchemaJudge(ConfigSchema schema, YamlDocument document) {
    this.schema = schema;
    this.document = document;
  }

  static List<Problem> judge(ConfigSchema schema, YamlDocument document) {
    var judge = new SchemaJudge(schema, document);
    List<OutputUnit> errors = schema.validate(document.root());
    errors.forEach(judge::translate);
    if (!errors.isEmpty() && judge.problems.isEmpty()) {
      throw new IllegalStateException("no words for what the schema refuses: " + errors);
    }
    if (errors.isEmpty()) {
      judge.readGrants();
    }
    return new ArrayList<>(judge.problems);
  }

  private void translate(OutputUnit error) {
    List<String> path = path(error.getInstanceLocation());
    String location = error.getKeywordLocation();
    String keyword = location.substring(location.lastIndexOf('/') + 1);
    if (CARRIERS.contains(keyword) || location.contains("/anyOf/")) {
      return;
    }
    if (location.contains("/propertyNames/")) {
      List<String> parent = path.subList(0, path.size() - 1);
      JsonObject names = node(parent).getJsonObject("propertyNames");
      add(path, "not right as a key: expected " + names.getString("x-expected"));
      return;
    }
    switch (keyword) {
      case "additionalProperties" -> unknownKey(path);
      case "required" -> missingKeys(path);
      case "anyOf" -> add(path, "no service is on; add a section for one of: " + services());
      default -> wrongValue(path);
    }
  }

  private void wrongValue(List<String> path) {
    boolean secret = node(path).getBoolean("writeOnly", false);
    String found = secret ? "what is there (not shown)" : document.place(path).text();
    add(path, found + " is not right: expected " + schema.expected(node(path)));
  }

  private void missingKeys(List<String> path) {
    JsonObject node = node(path);
    JsonObject instance = (JsonObject) instance(path);
    for (Object key : node.getJsonArray("required")) {
      if (!instance.containsKey((String) key)) {
        var child = new ArrayList<>(path);
        child.add((String) key);
        JsonObject about = node(child);
        JsonArray examples = about.getJsonArray("examples");
        add(
            child,
            "missing: expected %s; for example %s: %s"
                .formatted(schema.expected(about), key, examples.getValue(0)));
      }
    }
  }

  private Object instance(List<String> path) {
    Object instance = document.root();
    for (String step : path) {
      instance =
          instance instanceof JsonArray list
              ? list.getValue(Integer.parseInt(step))
              : ((JsonObject) instance).getValue(step);
    }
    return instance;
  }

  /** That ranges of ports are ones, and that none overlaps another, is beyond a schema. */
  private void readGrants() {
    JsonObject fish = document.root().getJsonObject(FISH);
    JsonArray grants = fish == null ? null : fish.getJsonArray(EGRESS);
    List<FishOptions.Grant> read = new ArrayList<>();
    for (int i = 0; grants != null && i < grants.size(); i++) {
      JsonObject json = grants.getJsonObject(i);
      List<String> ports = List.of(FISH, EGRESS, Integer.toString(i), PORTS);
      try {
        FishOptions.Grant grant =
            FishOptions.Grant.of(json.getString("address"), json.getString(PORTS));
        if (read.stream().anyMatch(grant::overlaps)) {
          String found = document.place(ports).text();
          add(ports, found + " is not right: some of them are granted above");
        }
        read.add(grant);
      } catch (IllegalArgumentException e) {
        wrongValue(ports);
      }
    }
  }

  /** The validator blames additionalProperties also when only the value of a known key is wrong. */
  private void unknownKey(List<String> path) {
    if (schema.at(path) != null) {
      return;
    }
    String key = path.get(path.size() - 1);
    List<String> known = ConfigSchema.keys(node(path.subList(0, path.size() - 1)));
    String hint =
        Spelling.nearest(key, known)
            .map(near -> "; did you mean " + near + "?")
            .or(() -> schema.sectionWith(key).map(section -> "; it belongs in " + section + "."))
            .orElse(".");
    add(path, "unknown key" + hint + " Known here: " + String.join(", ", known));
  }

  private String services() {
    var names = new ArrayList<String>();
    for (Object choice : schema.root().getJsonArray("anyOf")) {
      names.add(((JsonObject) choice).getJsonArray("required").getString(0));
    }
    return String.join(", ", names);
  }

  private JsonObject node(List<String> path) {
    JsonObject node = schema.at(path);
    if (node == null) {
      throw new IllegalStateException("the schema has no node at " + path);
    }
    return node;
  }

  private void add(List<String> path, String message) {
    String display = YamlDocument.display(path, document.root());
    problems.add(new Problem(display, document.place(path).line(), message));
  }

  /** The steps of a pointer as the library writes it: {@code #/a~1b/%20c}. */
  private static List<String> path(String pointer) {
    var steps = new ArrayList<String>();
    String[] parts = pointer.split("/", -1);
    for (int i = 1; i < parts.length; i++) {
      String plain = URLDecoder.decode(parts[i].replace("+", "%2B"), StandardCharsets.UTF_8);
      steps.add(plain.replace("~1", "/").replace("~0", "~"));
    }
    return List.copyOf(steps);
  }
}

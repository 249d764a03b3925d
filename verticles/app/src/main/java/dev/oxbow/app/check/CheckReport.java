package dev.oxbow.app.check;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.config.ConfigException;
import dev.oxbow.config.OxbowConfig;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.Problem;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a check found.
 *
 * @param configuration one finding, or one per problem
 * @param machine what the services need; empty when the configuration cannot be used
 * @param tools what only some commands need
 * @param serving the process that is alive in the runtime directory
 */
record CheckReport(
    List<Finding> configuration,
    List<Finding> machine,
    List<Finding> tools,
    Optional<Long> serving) {
  private static final Path DEFAULT_RUNTIME_DIR = Path.of("/run/oxbow");

  /** Looks at everything; without a file as if all were left at its default. */
  static CheckReport of(@Nullable Path config) {
    if (config == null) {
      OxbowOptions options = new OxbowOptions(DEFAULT_RUNTIME_DIR).setSplicer(new SplicerOptions());
      Finding none = Finding.ok("configuration", "none given: all defaults are assumed");
      return examined(none, options);
    }
    try {
      OxbowOptions options = OxbowConfig.load(config);
      Finding good = Finding.ok("configuration", config + " can be used");
      return examined(good, options);
    } catch (ConfigException e) {
      List<Finding> problems = new ArrayList<>();
      for (Problem problem : e.problems()) {
        problems.add(Finding.wrong("configuration", problem.describe(config.toString())));
      }
      return new CheckReport(problems, List.of(), Tools.examine(true), Optional.empty());
    }
  }

  private static CheckReport examined(Finding configuration, OxbowOptions options) {
    return new CheckReport(
        List.of(configuration),
        Machine.examine(options),
        Tools.examine(options.getBumblebee() == null),
        RuntimeDirectory.ownerOf(options.getRuntimeDir()));
  }

  int exitStatus() {
    if (configuration.stream().anyMatch(Finding::fatal)) {
      return ExitStatus.USAGE;
    }
    return machine.stream().anyMatch(Finding::fatal) ? ExitStatus.FAILED : ExitStatus.OK;
  }

  String text() {
    StringBuilder text = new StringBuilder();
    append(text, "Configuration", configuration);
    append(text, "Machine", machine);
    append(text, "Tools that only some commands need", tools);
    text.append(
        switch (exitStatus()) {
          case ExitStatus.OK ->
              serving
                  .map(pid -> "\nAnother instance is alive: pid " + pid + " can be upgraded.\n")
                  .orElse("\nOxbow can start.\n");
          case ExitStatus.USAGE -> "\nThe configuration cannot be used.\n";
          default -> "\nOxbow cannot start here: see the lines that say missing.\n";
        });
    return text.toString();
  }

  String json() {
    MessageWriter json = new MessageWriter().flag("ok", exitStatus() == ExitStatus.OK);
    serving.ifPresent(pid -> json.number("serving", pid));
    append(json, "configuration", configuration);
    append(json, "machine", machine);
    append(json, "tools", tools);
    return new String(json.bytes(), StandardCharsets.UTF_8);
  }

  private static void append(StringBuilder text, String title, List<Finding> findings) {
    if (findings.isEmpty()) {
      return;
    }
    text.append(text.isEmpty() ? "" : "\n").append(title).append('\n');
    for (Finding finding : findings) {
      text.append(
          String.format(
              "  %-8s %-14s %s%n", finding.level().wireName(), finding.name(), finding.detail()));
      if (!finding.remedy().isEmpty()) {
        text.append(String.format("  %-8s %-14s -> %s%n", "", "", finding.remedy()));
      }
    }
  }

  private static void append(MessageWriter json, String name, List<Finding> findings) {
    json.array(name);
    for (Finding finding : findings) {
      json.element()
          .string("name", finding.name())
          .string("level", finding.level().wireName())
          .flag("required", finding.required())
          .string("detail", finding.detail())
          .string("remedy", finding.remedy())
          .end();
    }
    json.endArray();
  }
}

package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Commands and options of {@code oxbow} that the documentation mentions exist. */
@DescriptorLeaks
class OptionsTest {

  /** A command line up to the end of its code span, its pipe or its line. */
  private static final Pattern COMMAND =
      Pattern.compile("\\boxbow(?:\\.jar)? ([a-z]+)((?: [^`|&\n]*)?)");

  private static final Pattern IN_CODE = Pattern.compile("`[^`\n]+`");
  private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");

  @Test
  void commandsAndOptionsExist() throws Exception {
    Map<String, Set<String>> mentioned = new TreeMap<>();
    for (Markdown file : Markdown.all()) {
      IN_CODE
          .matcher(file.prose())
          .results()
          .forEach(code -> collect(code.group().replace("`", ""), mentioned));
      file.blocks().stream()
          .filter(block -> !block.language().equals("text"))
          .forEach(block -> collect(block.text(), mentioned));
    }

    assertThat(mentioned.keySet()).contains("run", "check", "status", "forward", "demo");
    for (Map.Entry<String, Set<String>> command : mentioned.entrySet()) {
      String help = help(command.getKey());
      assertThat(help).startsWith("Usage: oxbow " + command.getKey());
      assertThat(options(help)).as(command.getKey()).containsAll(command.getValue());
    }
  }

  private static void collect(String code, Map<String, Set<String>> mentioned) {
    COMMAND
        .matcher(code)
        .results()
        .forEach(
            command ->
                mentioned
                    .computeIfAbsent(command.group(1), name -> new TreeSet<>())
                    .addAll(options(command.group(2))));
  }

  private static Set<String> options(String text) {
    Set<String> options = new TreeSet<>();
    OPTION.matcher(text).results().map(MatchResult::group).forEach(options::add);
    return options;
  }

  private static String help(String command) throws Exception {
    List<String> line = new ArrayList<>(Shell.program());
    line.addAll(List.of(command, "--help"));
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String help = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(help).isZero();
    return help;
  }
}

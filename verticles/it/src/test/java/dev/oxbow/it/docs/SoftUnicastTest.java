package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the documents of Fish show on a console, and whether they explain all that it changes. */
@DescriptorLeaks
class SoftUnicastTest {
  private static final int TIMEOUT_SECONDS = 120;
  private static final String PROMPT = "# ";
  private static final String HERE = "<<'END'";

  /** Names of network namespaces are files: they are this session's own, and end with it. */
  private static final String APART =
      "mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && exec bash session.sh";

  @TempDir Path directory;

  private final StringBuilder script =
      new StringBuilder("set -e\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n");
  private final StringBuilder expected = new StringBuilder();

  @Test
  @RequiresRoot
  void edgeRouterAndTwoMachinesWorkAsTheDocumentShows() throws Exception {
    List<Markdown.Block> blocks = Markdown.read("docs/soft-unicast.md").blocks();
    blocks.stream()
        .filter(block -> block.info().equals("console namespaces"))
        .forEach(block -> read(block.text()));
    assertThat(expected).hasLineCount(4);
    Path launcher = directory.resolve("oxbow");
    String program = String.join(" ", Shell.program());
    Files.writeString(launcher, "#!/bin/sh\nexec " + program + " \"$@\"\n");
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.writeString(directory.resolve("session.sh"), script);
    ProcessBuilder builder =
        new ProcessBuilder("unshare", "--mount", "bash", "-c", APART)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("printed").toFile());
    builder.environment().put("OXBOW_CACHE", directory.resolve("cache").toString());
    Process session = builder.start();
    session.getOutputStream().close();
    boolean ended = session.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    if (!ended) {
      session.destroy();
    }
    String printed = Files.readString(directory.resolve("printed"), StandardCharsets.UTF_8);
    assertThat(ended).as(printed).isTrue();
    assertThat(session.exitValue()).as(printed).isZero();
    assertThat(printed).isEqualTo(expected.toString());
  }

  /** Commands, with what they read up to END, and what they print. */
  private void read(String console) {
    boolean here = false;
    for (String line : console.lines().toList()) {
      if (here) {
        script.append(line).append('\n');
        here = !line.equals("END");
      } else if (line.startsWith(PROMPT)) {
        script.append(line.substring(PROMPT.length())).append('\n');
        here = line.contains(HERE);
      } else {
        expected.append(line).append('\n');
      }
    }
  }

  @Test
  void everyTableChainAndSetOfTheRulesIsExplained() throws IOException {
    String rules = Files.readString(Markdown.ROOT.resolve("config/fish.nft"));
    for (String name : found("(?m)^ *(?:chain|set) (\\w+) \\{", rules)) {
      assertThat(document()).contains("`" + name + "`");
    }
    for (String table : found("(?m)^table (inet \\S+) \\{", rules)) {
      assertThat(document()).contains("`" + table.replace("@DEVICE@", "fish0") + "`");
    }
  }

  @Test
  void everySettingIsExplained() throws IOException {
    Path source = Path.of("verticles/fish/src/main/java/dev/oxbow/fish/network/Settings.java");
    String settings = Files.readString(Markdown.ROOT.resolve(source));
    String text = "\"((?:netfilter|ipv4|ipv6)/[a-z0-9_/]*[a-z0-9_])\"";
    for (String name : found(text, settings)) {
      assertThat(document()).contains("`net." + name.replace('/', '.') + "`");
    }
    for (String name : found("\"/([a-z_]+)\"", settings)) {
      assertThat(document()).contains(name);
    }
  }

  /** What the group stands for: more than one name, or the pattern is not right any more. */
  private static Set<String> found(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    Set<String> names =
        matcher
            .results()
            .map(result -> result.group(1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(names).as(pattern).hasSizeGreaterThan(1);
    return names;
  }

  private static String document() throws IOException {
    return Files.readString(Markdown.ROOT.resolve("docs/fish.md"));
  }
}

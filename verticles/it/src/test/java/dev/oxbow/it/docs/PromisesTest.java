package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every test that the documentation names exists. */
@DescriptorLeaks
class PromisesTest {
  private static final Pattern TEST =
      Pattern.compile("`([A-Z]\\w*(?:Test|Promises|Contract)\\w*)\\.([a-z]\\w*)`");

  /** Who runs what stands in an abstract class. */
  private static final String ABSTRACT = "(?sm).*^(public )?(abstract class|interface) .*";

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    List<Path> sources = testSources();
    int named = 0;
    for (Markdown file : Markdown.all()) {
      for (var test : TEST.matcher(file.prose()).results().toList()) {
        named++;
        String source = source(sources, test.group(1));
        assertThat(source)
            .as("%s names %s", file, test.group())
            .containsPattern(
                "@(Test|ParameterizedTest|RepeatedTest|Property)\\b[^;{]*\\bvoid "
                    + test.group(2)
                    + "\\(");
        if (source.matches(ABSTRACT)) {
          assertThat(subclasses(sources, test.group(1))).as(test.group(1)).isNotEmpty();
        }
      }
    }
    assertThat(named).as("promises with their tests").isGreaterThan(10);
  }

  private static String source(List<Path> sources, String name) throws IOException {
    List<Path> found =
        sources.stream().filter(file -> file.endsWith(Path.of(name + ".java"))).toList();
    assertThat(found).as("source of %s", name).hasSize(1);
    return Files.readString(found.get(0));
  }

  private static List<Path> subclasses(List<Path> sources, String name) throws IOException {
    Pattern use = Pattern.compile("\\b(extends|implements)\\b[^{]*\\b" + name + "\\b");
    for (Path file : sources) {
      if (use.matcher(Files.readString(file)).find()) {
        return List.of(file);
      }
    }
    return List.of();
  }

  private static List<Path> testSources() throws IOException {
    try (Stream<Path> files = Files.walk(Markdown.ROOT)) {
      return files
          .filter(file -> file.toString().contains("/src/test/java/"))
          .filter(file -> file.toString().endsWith(".java"))
          .toList();
    }
  }
}

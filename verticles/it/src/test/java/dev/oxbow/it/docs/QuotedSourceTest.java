package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Java in the documentation is quoted from a source that is compiled and tested: {@code ```java
 * path} quotes all of a file from its class comment or declaration on, {@code ```java path#name}
 * the lines between {@code // begin name} and {@code // end name}.
 */
@DescriptorLeaks
class QuotedSourceTest {

  static List<Markdown.Block> quotes() {
    return Markdown.blocksOf("java");
  }

  @ParameterizedTest
  @MethodSource("quotes")
  void javaIsQuotedFromATestedSource(Markdown.Block quote) throws IOException {
    assertThat(quote.argument()).as("%s needs a source", quote).isNotEmpty();
    String[] source = quote.argument().split("#", 2);
    String file = Files.readString(Markdown.ROOT.resolve(source[0]));
    String part = source.length == 2 ? region(file, source[1]) : withoutImports(file);
    assertThat(quote.text()).as("paste this into %s:%n%s", quote.path(), part).isEqualTo(part);
  }

  private static String region(String file, String name) {
    int begin = file.indexOf("// begin " + name + "\n");
    int end = file.indexOf("// end " + name + "\n", begin);
    assertThat(begin).as("// begin %s", name).isPositive();
    assertThat(end).as("// end %s", name).isPositive();
    String lines = file.substring(file.indexOf('\n', begin) + 1, file.lastIndexOf('\n', end) + 1);
    return lines.stripTrailing().stripIndent() + "\n";
  }

  private static String withoutImports(String file) {
    return file.replaceFirst("(?s)\\Apackage .*?;\n(\nimport .*?;\n(?!import|\nimport))?\n", "");
  }
}

package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is marked {@code ```console tested} prints what stands there, but for numbers. */
@DescriptorLeaks
class ConsoleTest {

  @TempDir Path directory;

  static List<Markdown.Block> consoles() {
    return Markdown.blocksOf("console").stream()
        .filter(block -> block.argument().equals("tested"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("consoles")
  void printsWhatTheDocumentSays(Markdown.Block console) throws Exception {
    try (Shell shell = Shell.open(directory)) {
      String printed = shell.run(console.text());

      assertThat(withoutNumbers(printed)).isEqualTo(withoutNumbers(console.text()));
    }
  }

  /** Times, addresses, counts, ids, and who of two closes first differ each time. */
  private static String withoutNumbers(String text) {
    return text.replaceAll("(relay|endedBy)=\\w+", "$1=#")
        .replaceAll("(?m)^[a-z0-9]{10} ", "#         ")
        .replaceAll("[0-9][0-9.:TZ-]*", "#")
        .replaceAll("(?<=#)( ?(ms|s|B|KiB|MiB))\\b", "")
        .replaceAll(" +", " ");
  }
}

package dev.oxbow.it.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Links lead somewhere. */
@DescriptorLeaks
class LinksTest {

  static List<Markdown> files() {
    return Markdown.all();
  }

  @ParameterizedTest
  @MethodSource("files")
  void linksLeadToFilesAndHeadingsThatExist(Markdown file) {
    for (String link : file.links()) {
      if (link.matches("https?://.*")) {
        continue;
      }
      String[] parts = link.split("#", 2);
      Path folder = Path.of("/", file.path()).getParent();
      Path target = parts[0].isEmpty() ? Path.of("/", file.path()) : folder.resolve(parts[0]);
      String path = target.normalize().toString().substring(1);
      assertThat(Markdown.ROOT.resolve(path)).as("%s: %s", file, link).exists();
      if (parts.length == 2) {
        assertThat(Markdown.read(path).anchors()).as("%s: %s", file, link).contains(parts[1]);
      }
    }
  }
}

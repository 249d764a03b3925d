package dev.oxbow.it.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Markdown file of the project.
 *
 * @param path relative to the project
 * @param blocks its fenced blocks, in order
 * @param prose the rest
 */
record Markdown(String path, List<Block> blocks, String prose) {
  static final Path ROOT = root();

  private static final Pattern FENCE = Pattern.compile("(?ms)^```([^\n`]*)\n(.*?)^```$\n?");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
  private static final Pattern LINK = Pattern.compile("\\[[^\\]]*]\\(([^)\\s]+)\\)");

  /**
   * A fenced block.
   *
   * @param path of the file that it stands in
   * @param info what stands behind the fence, such as {@code console tested}
   * @param text its lines
   */
  record Block(String path, String info, String text) {
    String language() {
      return info.split(" ", 2)[0];
    }

    /** What stands behind the language. */
    String argument() {
      return info.contains(" ") ? info.substring(info.indexOf(' ') + 1) : "";
    }

    @Override
    public String toString() {
      return path + ": " + info;
    }
  }

  static Markdown read(String path) {
    String text;
    try {
      text = Files.readString(ROOT.resolve(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    List<Block> blocks = new ArrayList<>();
    Matcher matcher = FENCE.matcher(text);
    while (matcher.find()) {
      blocks.add(new Block(path, matcher.group(1), matcher.group(2)));
    }
    return new Markdown(path, blocks, matcher.replaceAll(""));
  }

  /** Every Markdown file that git would show to a reader. */
  static List<Markdown> all() {
    try (Stream<Path> files = Files.find(ROOT, 4, (file, attributes) -> isOurs(file))) {
      return files
          .map(file -> read(ROOT.relativize(file).toString()))
          .sorted(Comparator.comparing(Markdown::path))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isOurs(Path file) {
    String path = ROOT.relativize(file).toString();
    return path.endsWith(".md") && !path.startsWith(".") && !path.contains("target/");
  }

  static List<Block> blocksOf(String language) {
    return all().stream()
        .flatMap(file -> file.blocks().stream())
        .filter(block -> block.language().equals(language))
        .toList();
  }

  /** The block that follows another one. */
  Block after(Block block) {
    return blocks.get(blocks.indexOf(block) + 1);
  }

  /** Targets of all links. */
  List<String> links() {
    return LINK.matcher(prose).results().map(link -> link.group(1)).toList();
  }

  /** The anchors that GitHub makes of headings. */
  List<String> anchors() {
    return HEADING
        .matcher(prose)
        .results()
        .map(heading -> heading.group(1).toLowerCase(Locale.ROOT))
        .map(title -> title.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .toList();
  }

  @Override
  public String toString() {
    return path;
  }

  /** The folder with the launcher, above the module in which the tests run. */
  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isRegularFile(folder.resolve("oxbow"))) {
      folder = folder.getParent();
    }
    return folder;
  }
}

package dev.oxbow.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Reads configuration files. Stateless; every method blocks and may be called by any thread. */
public final class OxbowConfig {

  private OxbowConfig() {}

  /**
   * Reads a configuration file.
   *
   * @throws ConfigException with every problem of the file, or one that says why it cannot be read
   */
  public static OxbowOptions load(Path file) {
    return parse(text(file), file.toString());
  }

  /**
   * Reads a configuration from its text.
   *
   * @param fileName what the text is called in messages
   * @throws ConfigException with every problem of the text, in the order of its lines
   */
  public static OxbowOptions parse(String text, String fileName) {
    ConfigSchema schema = ConfigSchema.load();
    YamlDocument document = YamlDocument.read(text, schema);
    List<Problem> problems = new ArrayList<>(document.problems());
    if (document.readable()) {
      problems.addAll(SchemaJudge.judge(schema, document));
    }
    if (!problems.isEmpty()) {
      problems.sort(Comparator.comparingInt(Problem::line));
      throw new ConfigException(fileName, problems);
    }
    return new OxbowOptions(document.root());
  }

  /** The annotated default configuration: every key, what it is for, and its bounds. */
  public static String annotatedDefault() {
    return ConfigSchema.resource("oxbow.yaml");
  }

  /** What Fish adds to nftables, with @NAMES@ where it fills in what it was granted. */
  public static String fishRules() {
    return ConfigSchema.resource("fish.nft");
  }

  private static String text(Path file) {
    String name = file.toString();
    if (Files.isDirectory(file)) {
      throw new ConfigException(name, List.of(whole("is a directory; expected a YAML file")));
    }
    // One byte more than allowed is enough for parse to refuse it; a device has no end.
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(4 * YamlDocument.MAX_LENGTH + 1);
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (NoSuchFileException e) {
      throw new ConfigException(name, "there is no such file", e);
    } catch (AccessDeniedException e) {
      throw new ConfigException(name, "permission to read it is denied", e);
    } catch (CharacterCodingException e) {
      throw new ConfigException(name, "is not UTF-8 text", e);
    } catch (IOException e) {
      throw new ConfigException(name, "cannot be read: " + e.getMessage(), e);
    }
  }

  private static Problem whole(String message) {
    return new Problem("", 0, message);
  }
}

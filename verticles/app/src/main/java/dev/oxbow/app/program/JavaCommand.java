package dev.oxbow.app.program;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The command line of this JVM: java, its options, {@code -jar}, the jar, the program's arguments.
 * Words are kept as bytes, because not all of them need be text in this locale. Immutable.
 */
final class JavaCommand {

  /** Names the original jar to a process that runs from a copy; the last option that is added. */
  static final String ORIGINAL = "oxbow.jar";

  private static final String ORIGINAL_OPTION = "-D" + ORIGINAL + "=";

  /** As the JVM itself does with names of files and arguments. */
  private static final Charset NATIVE =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private final List<byte[]> words;
  private final int jar;

  private JavaCommand(List<byte[]> words, int jar) {
    this.words = words;
    this.jar = jar;
  }

  /**
   * The command line of this process.
   *
   * @throws IOException when it does not say where the jar is, as with {@code @argfiles}
   */
  static JavaCommand ofThisProcess() throws IOException {
    byte[] cmdline = Files.readAllBytes(Path.of("/proc/self/cmdline"));
    return parse(cmdline, System.getProperty("java.class.path"));
  }

  /**
   * Takes a command line apart.
   *
   * @param cmdline words that each end with a NUL, proc(5)
   * @param jarName the jar as it stands there
   */
  static JavaCommand parse(byte[] cmdline, String jarName) throws IOException {
    List<byte[]> words = new ArrayList<>();
    ByteArrayOutputStream word = new ByteArrayOutputStream();
    for (byte b : cmdline) {
      if (b == 0) {
        words.add(word.toByteArray());
        word.reset();
      } else {
        word.write(b);
      }
    }
    for (int i = 2; i < words.size(); i++) {
      if (text(words.get(i - 1)).equals("-jar") && text(words.get(i)).equals(jarName)) {
        return new JavaCommand(List.copyOf(words), i);
      }
    }
    throw new IOException("the command line of this process has no \"-jar " + jarName + "\"");
  }

  /** Whether the JVM was given an option that begins with one of these. */
  boolean hasOption(List<String> beginnings) {
    return words.subList(1, jar).stream()
        .map(JavaCommand::text)
        .anyMatch(word -> beginnings.stream().anyMatch(word::startsWith));
  }

  /**
   * The same command for a copy of the jar.
   *
   * @param original where the jar was copied from, absolute
   * @param options for the JVM, before all others, so that those given by the user count
   * @throws IOException when a path has characters that this locale has not
   */
  List<byte[]> inCopy(Path copy, Path original, List<String> options) throws IOException {
    List<byte[]> command = new ArrayList<>();
    command.add(words.get(0));
    for (String option : options) {
      command.add(bytes(option));
    }
    command.add(bytes(ORIGINAL_OPTION + original));
    command.addAll(words.subList(1, jar));
    command.add(bytes(copy.toString()));
    command.addAll(words.subList(jar + 1, words.size()));
    return command;
  }

  /**
   * The same command as it was before {@link #inCopy}, to be started as a child.
   *
   * @param java the program
   * @param original the jar, absolute
   */
  List<String> ofOriginal(Path java, Path original) {
    List<String> command = new ArrayList<>();
    command.add(java.toString());
    words.subList(ownOptions(), jar).forEach(word -> command.add(text(word)));
    command.add(original.toString());
    words.subList(jar + 1, words.size()).forEach(word -> command.add(text(word)));
    return command;
  }

  /** Index of the first word behind those that {@link #inCopy} added. */
  private int ownOptions() {
    for (int i = jar - 2; i > 0; i--) {
      if (text(words.get(i)).startsWith(ORIGINAL_OPTION)) {
        return i + 1;
      }
    }
    return 1;
  }

  private static String text(byte[] word) {
    return new String(word, NATIVE);
  }

  private static byte[] bytes(String word) throws IOException {
    if (!NATIVE.newEncoder().canEncode(word)) {
      throw new IOException(word + " cannot be written in " + NATIVE + ", the encoding of names");
    }
    return word.getBytes(NATIVE);
  }
}

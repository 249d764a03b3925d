package dev.oxbow.it.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Holds the source tree to the house rules, and the rules to catching what they are for. */
@DescriptorLeaks
class TidyTest {
  private static final Path ROOT = projectRoot();
  private static final Set<String> LEFT_OUT = Set.of("target", "out", "node_modules");

  /**
   * Cases of the first two share a service and a load, and count by themselves; the third looks at
   * a successor that is to leave all open until its process ends, as does the origin of the fourth.
   */
  private static final Set<String> LEAKS_NOT_COUNTED =
      Set.of("KillMatrixTest", "FishUpgradeTest", "RefusedHeirTest", "OriginTest");

  private static final Set<String> TEXTS =
      Set.of("java", "xml", "md", "yaml", "yml", "sh", "py", "json", "nft", "service");

  @Test
  void javaSourcesAreTidy() throws IOException {
    List<String> complaints = new ArrayList<>();
    for (Path file : sources()) {
      if (file.toString().endsWith(".java")) {
        complaints.addAll(Tidy.java(relative(file), Files.readString(file)));
      }
    }
    assertThat(complaints).isEmpty();
  }

  @Test
  void nothingIsLeftOverElsewhere() throws IOException {
    List<String> complaints = new ArrayList<>();
    for (Path file : sources()) {
      if (!file.toString().endsWith(".java")) {
        complaints.addAll(Tidy.text(relative(file), Files.readString(file)));
      }
    }
    assertThat(complaints).isEmpty();
  }

  @Test
  void everyPackageSaysWhatItIs() throws IOException {
    Set<Path> packages = new TreeSet<>();
    for (Path file : sources()) {
      if (file.toString().endsWith(".java") && relative(file).contains("src/main/java/")) {
        packages.add(file.resolveSibling("package-info.java"));
      }
    }
    assertThat(packages)
        .allSatisfy(
            file -> assertThat(file).content().contains("/**").containsPattern("@NullMarked\n"));
  }

  @Test
  void everyTestLooksForLeakedDescriptors() throws IOException {
    Map<String, String> classes = new HashMap<>();
    for (Path file : sources()) {
      if (relative(file).matches("(?!codecs/|config/).*src/test/java/.*\\.java")) {
        classes.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
      }
    }
    assertThat(Tidy.withoutLeakCheck(classes))
        .containsExactlyInAnyOrderElementsOf(LEAKS_NOT_COUNTED);
  }

  @Test
  void findsTestsThatDoNotLookForLeaks() {
    Map<String, String> classes =
        Map.of(
            "ATest", "/** @DescriptorLeaks */\n// @DescriptorLeaks\nclass ATest {}\n",
            "BTest", "@DescriptorLeaks\n@Timeout(9)\nclass BTest {}\n",
            "CTest", "class CTest extends Promises {}\n",
            "DTest", "class DTest extends ATest {}\n",
            "ETest", "class ETest {\n  static class One extends Promises {}\n}\n",
            "Promises", "@ExtendWith({DescriptorLeakExtension.class})\nclass Promises {}\n",
            "Other", "class Other {}\n");
    assertThat(Tidy.withoutLeakCheck(classes)).containsExactly("ATest", "DTest");
  }

  @Test
  void filesEndBeforeTheirLimit() {
    String filler = "// x\n".repeat(Tidy.FILE_LINES - 2);
    assertThat(Tidy.java("a/src/main/java/A.java", filler + "class A {}\n")).isEmpty();
    assertThat(Tidy.java("a/src/main/java/A.java", filler + "class A {\n}\n")).hasSize(1);
    assertThat(Tidy.java("a/src/test/java/A.java", filler + "class A {\n}\n")).isEmpty();
  }

  @Test
  void methodsEndBeforeTheirLimit() {
    String body = "    x();\n".repeat(Tidy.METHOD_LINES - 2);
    assertThat(Tidy.java("A.java", "class A {\n  void x() {\n" + body + "  }\n}\n")).isEmpty();
    assertThat(Tidy.java("A.java", "class A {\n  void x() {\n" + body + "x();  \n  }\n}\n"))
        .singleElement()
        .asString()
        .startsWith("A.java:2: x has more than");
  }

  @Test
  void linesFitTheScreen() {
    String name = "x".repeat(Tidy.COLUMNS);
    assertThat(Tidy.java("A.java", "class A {} // " + name)).hasSize(1);
    assertThat(Tidy.java("A.java", "import a." + name + ";\nclass A {}")).isEmpty();
    assertThat(Tidy.java("A.java", "class A {} // rfc://" + name)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          class A { void a() { Thread.sleep(1); } }                          | sleeps
          class A { void a() { TimeUnit.SECONDS.sleep(1); } }                | sleeps
          class A { Runnable a = Thread::sleep; }                            | sleeps
          class A { void a(Exception e) { e.printStackTrace(); } }           | stack trace
          class A { void a() { try { a(); } catch (Exception ignored) {} } } | swallowed
          class A { @Disabled void a() {} }                                  | switched off
          @org.junit.jupiter.api.Disabled("why") class A {}                  | switched off
          """)
  void findsWhatMustNotBeWritten(String source, String complaint) {
    assertThat(Tidy.java("A.java", source)).singleElement().asString().contains(complaint);
    assertThat(Tidy.java("A.java", "/* " + source + " */ class A {}")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"TO,DO", "FIX,ME", "X,XX", "HA,CK"})
  void findsLeftovers(String start, String end) {
    assertThat(Tidy.java("A.java", "// " + start + end + ": later\nclass A {}")).hasSize(1);
    assertThat(Tidy.text("a.md", "text\n" + start + end)).singleElement().asString().contains(":2");
    assertThat(Tidy.text("a.sh", "mktemp " + start + end + "Y")).isEmpty();
  }

  private static List<Path> sources() throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        ROOT,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            String name = folder.getFileName().toString();
            boolean leftOut = LEFT_OUT.contains(name) || name.startsWith(".");
            return leftOut && !folder.equals(ROOT)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            String name = file.getFileName().toString();
            if (attributes.isRegularFile()
                && TEXTS.contains(name.substring(name.lastIndexOf('.') + 1))) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    assertThat(files).as("sources under %s", ROOT).hasSizeGreaterThan(10);
    return files;
  }

  private static String relative(Path file) {
    return ROOT.relativize(file).toString();
  }

  /** The folder with the launcher, above the module in which the tests run. */
  private static Path projectRoot() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isRegularFile(folder.resolve("oxbow"))) {
      folder = folder.getParent();
    }
    return folder;
  }
}

package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code oxbow} in a tree of its own, with a build and a java that only say so. */
@DescriptorLeaks
class LauncherTest {
  private static final Path LAUNCHER = Path.of("..", "..", "oxbow");
  private final Instant longAgo = Instant.now().minusSeconds(3600);

  /** Takes long enough for another to come in between. */
  private static final String BUILD =
      """
      #!/bin/sh
      echo "$@" >> builds
      sleep 0.3
      mkdir -p verticles/app/target
      echo jar > verticles/app/target/oxbow.jar
      """;

  private static final String JAVA =
      """
      #!/bin/sh
      echo "pid $$ in $PWD"
      for argument; do echo "<$argument>"; done
      """;

  @TempDir Path folder;
  private Path home;
  private Path source;
  private Path jar;
  private Path jdk;

  /** What a script printed, and what became of it. */
  private record Printed(int status, long pid, String text) {}

  @BeforeEach
  void plant() throws IOException {
    home = Files.createDirectories(folder.resolve("tree")).toRealPath();
    script(home.resolve("oxbow"), Files.readString(LAUNCHER));
    script(home.resolve("mvnw"), BUILD);
    Files.writeString(home.resolve("pom.xml"), "<project/>");
    source = home.resolve("codecs/src/main/java/A.java");
    Files.createDirectories(source.getParent());
    Files.writeString(source, "class A {}");
    Files.createDirectories(home.resolve("codecs/src/test/java"));
    Files.createDirectories(home.resolve("docs"));
    jar = home.resolve("verticles/app/target/oxbow.jar");
    jdk = folder.resolve("jdk");
    script(jdk.resolve("bin/java"), JAVA);
    version("17.0.9");
    age();
  }

  private static void script(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void version(String version) throws IOException {
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
  }

  /** As if all had been there for an hour. */
  private void age() throws IOException {
    try (var files = Files.walk(home)) {
      for (Path file : files.toList()) {
        Files.setLastModifiedTime(file, FileTime.from(longAgo));
      }
    }
  }

  private Process start(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(home.resolve("oxbow").toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().put("JAVA_HOME", jdk.toString());
    builder.environment().put("OXBOW_JAVA_OPTS", "-Xmx1g  -Da=b");
    return builder.start();
  }

  private static Printed end(Process process) throws IOException, InterruptedException {
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Printed(process.waitFor(), process.pid(), text);
  }

  private Printed run(String... arguments) throws IOException, InterruptedException {
    return end(start(arguments));
  }

  private int builds() throws IOException {
    Path builds = home.resolve("builds");
    return Files.exists(builds) ? Files.readAllLines(builds).size() : 0;
  }

  private void built() throws IOException {
    Files.createDirectories(jar.getParent());
    Files.writeString(jar, "jar");
  }

  @Test
  void buildsWhatIsMissingOnceAndBecomesJava() throws Exception {
    Process first = start("run", "a b");
    Printed second = run("run", "a b");
    for (Printed each : List.of(end(first), second)) {
      assertThat(each.status()).as(each.text()).isZero();
      assertThat(each.text())
          .contains("pid " + each.pid() + " in " + folder.toRealPath() + "\n")
          .endsWith("<-XX:+UseSerialGC>\n<-Xmx1g>\n<-Da=b>\n<-jar>\n<" + jar + ">\n<run>\n<a b>\n");
    }
    assertThat(builds()).isEqualTo(1);
    assertThat(run().text()).doesNotContain("building");
    assertThat(builds()).isEqualTo(1);
  }

  @Test
  void buildsAgainWhenWhatGoesIntoTheJarHasChanged() throws Exception {
    built();
    assertThat(run().status()).isZero();
    Files.writeString(home.resolve("codecs/src/test/java/ATest.java"), "class ATest {}");
    Files.writeString(home.resolve("docs/a.md"), "words");
    assertThat(run().status()).isZero();
    assertThat(builds()).isZero();

    List<Path> changes =
        List.of(source, home.resolve("pom.xml"), home.resolve("config/src/main/resources/new"));
    for (Path change : changes) {
      makeOlder();
      Files.createDirectories(change.getParent());
      Files.writeString(change, "changed");
      assertThat(run().text()).contains("oxbow: building");
    }
    makeOlder();
    Files.delete(source);
    assertThat(run().text()).contains("oxbow: building");
    assertThat(builds()).isEqualTo(4);
  }

  /** The jar is newer than all else, and older than now. */
  private void makeOlder() throws IOException {
    age();
    Files.setLastModifiedTime(jar, FileTime.from(longAgo.plusSeconds(60)));
  }

  @Test
  void buildThatFailsIsSaid() throws Exception {
    script(home.resolve("mvnw"), "#!/bin/sh\necho 'no network'\nexit 1\n");
    Printed printed = run();
    assertThat(printed.status()).isEqualTo(1);
    assertThat(printed.text()).contains("no network\n").endsWith("oxbow: the build failed\n");
  }

  @Test
  void javaThatIsTooOldOrMissingIsSaid() throws Exception {
    built();
    version("11.0.2");
    assertThat(run().text())
        .isEqualTo("oxbow: " + jdk + "/bin/java is version 11; Oxbow needs 17 or newer.\n");
    Files.delete(jdk.resolve("release"));
    script(jdk.resolve("bin/java"), "#!/bin/sh\necho 'openjdk version \"16\" 2021' >&2\n");
    assertThat(run().text()).contains("is version 16; Oxbow needs 17 or newer.");
    Files.delete(jdk.resolve("bin/java"));
    Printed printed = run();
    assertThat(printed.status()).isEqualTo(1);
    assertThat(printed.text())
        .isEqualTo(
            "oxbow: no Java: " + jdk + "/bin/java is missing. Oxbow needs a JDK, 17 or newer.\n");
  }

  @Test
  void newerJavaMayUseItsMemoryAsBefore() throws Exception {
    built();
    version("25");
    assertThat(run().text()).contains("<--sun-misc-unsafe-memory-access=allow>\n<-Xmx1g>");
  }
}

package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that serves does not care what becomes of its jar. */
@DescriptorLeaks
class PrivateCopyTest {
  private static final String OWN_OPTION = "-Doxbow.jar=";

  @TempDir Path folder;
  private Path jar;

  @BeforeEach
  void deploy() throws IOException {
    jar = Files.copy(OxbowProcess.builtJar(), folder.resolve("oxbow.jar"));
  }

  private OxbowProcess start(String name) throws IOException {
    return OxbowProcess.start(folder, name, jar, List.of(), Map.of());
  }

  private List<Path> entries() throws IOException {
    try (Stream<Path> entries = Files.list(OxbowProcess.cache(folder))) {
      return entries.toList();
    }
  }

  @Test
  void survivesAnotherFileWrittenOverItsJar() throws Exception {
    try (OxbowProcess service = start("a").awaitServing()) {
      try (var over = Files.newOutputStream(jar, StandardOpenOption.TRUNCATE_EXISTING)) {
        over.write("not a jar any more".repeat(1000).getBytes(StandardCharsets.US_ASCII));
      }
      assertThat(ask(service)).contains("relays");
      assertThat(service.stop()).isZero();
      assertThat(service.log()).contains("stopped").doesNotContain("Exception", "no private copy");
    }
  }

  @Test
  void survivesAnotherFileRenamedOverItsJar() throws Exception {
    try (OxbowProcess service = start("a").awaitServing()) {
      Path other = Files.writeString(folder.resolve("other.jar"), "another version");
      Files.move(other, jar, StandardCopyOption.ATOMIC_MOVE);
      assertThat(ask(service)).contains("relays");
      assertThat(service.stop()).isZero();
    }
  }

  /** Asks the service, which has loaded no class for that yet, from another process. */
  private String ask(OxbowProcess service) throws Exception {
    List<String> command =
        Stream.concat(
                OxbowProcess.java().stream(),
                Stream.of(
                    "-jar",
                    OxbowProcess.builtJar().toString(),
                    "status",
                    "--runtime-dir",
                    service.runtimeDir().toString(),
                    "--app",
                    "test",
                    "--json"))
            .toList();
    Process status = new ProcessBuilder(command).redirectErrorStream(true).start();
    return new String(status.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void keepsPidArgumentsAndInheritedDescriptorsAndLeaksNone() throws Exception {
    Path lock = folder.resolve("supervisor.lock");
    List<String> withLock = List.of("sh", "-c", "exec 9>'" + lock + "'; exec \"$@\"", "sh");
    try (OxbowProcess service =
        OxbowProcess.start(folder, "a", jar, withLock, Map.of()).awaitServing()) {
      assertThat(Files.readString(service.runtimeDir().resolve("oxbow.pid")).strip())
          .isEqualTo(Long.toString(service.pid()));
      assertThat(service.commandLine())
          .contains(OWN_OPTION + jar, "-XX:MaxNewSize=32m", "-XX:+UseSerialGC", "run", "--config")
          .doesNotContain(jar.toString());
      List<String> descriptors = service.descriptors();
      assertThat(descriptors).contains(lock.toString()).doesNotContain(jar.toString());
      for (String once : List.of("/lib/modules", "/oxbow.jar", "/in-use", "/dev/urandom")) {
        assertThat(descriptors).filteredOn(target -> target.endsWith(once)).hasSize(1);
      }
    }
  }

  @Test
  void startsAtTheSameTimeShareOneCopy() throws Exception {
    try (OxbowProcess first = start("a");
        OxbowProcess second = start("b");
        OxbowProcess third = start("c")) {
      for (OxbowProcess service : List.of(first, second, third)) {
        assertThat(service.awaitServing().log()).doesNotContain("no private copy");
      }
      assertThat(entries()).singleElement().satisfies(PrivateCopyTest::isWhole);
    }
  }

  private static void isWhole(Path entry) throws IOException {
    assertThat(entry.resolve("oxbow.jar")).hasSameBinaryContentAs(OxbowProcess.builtJar());
    try (Stream<Path> files = Files.list(entry)) {
      assertThat(files.filter(file -> file.toString().contains("oxbow.jar."))).isEmpty();
    }
  }

  @Test
  void damagedCopyIsMadeAnew() throws Exception {
    try (OxbowProcess service = start("a").awaitServing()) {
      assertThat(service.stop()).isZero();
    }
    Path copy = entries().get(0).resolve("oxbow.jar");
    try (var file = Files.newByteChannel(copy, StandardOpenOption.WRITE)) {
      file.position(Files.size(copy) / 2)
          .write(StandardCharsets.US_ASCII.encode("a bad block on the disk"));
    }
    try (OxbowProcess service = start("a").awaitServing()) {
      assertThat(service.stop()).isZero();
    }
    isWhole(copy.getParent());
  }

  @Test
  void cacheThatOthersCouldChangeIsNotUsed() throws Exception {
    Path cache = Files.createDirectory(OxbowProcess.cache(folder));
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwxrwxrwx"));
    try (OxbowProcess service = start("a").awaitServing()) {
      assertThat(service.log())
          .containsOnlyOnce("no private copy")
          .contains(cache.toRealPath() + " is open to others; its mode should be 0700");
      assertThat(service.descriptors()).contains(jar.toString());
      assertThat(entries()).isEmpty();
      assertThat(service.stop()).isZero();
    }
  }

  @Test
  void cacheThatCannotBeMadeIsDoneWithout() throws Exception {
    Map<String, String> environment = Map.of("OXBOW_CACHE", "/proc/oxbow");
    try (OxbowProcess service =
        OxbowProcess.start(folder, "a", jar, List.of(), environment).awaitServing()) {
      assertThat(service.log()).containsOnlyOnce("no private copy (").contains("/proc/oxbow");
      assertThat(service.stop()).isZero();
    }
  }

  @Test
  void archiveOfClassesIsMadeUsedAndReplacedWhenDamaged() throws Exception {
    Path archive = startUntilArchived("a");
    byte[] whole = Files.readAllBytes(archive);
    try (OxbowProcess service = start("b").awaitServing()) {
      assertThat(service.commandLine()).contains("-XX:SharedArchiveFile=" + archive);
      assertThat(Files.readString(Path.of("/proc/" + service.pid() + "/maps")))
          .contains(archive.toString());
      assertThat(service.stop()).isZero();
    }
    // Half of it is what the JVM would crash with.
    Files.write(archive, Arrays.copyOf(whole, whole.length / 2));
    Path anew = startUntilArchived("c");
    assertThat(Files.size(anew)).isGreaterThan(whole.length / 2);
  }

  /** Starts the service without an archive that it could use; the one that it makes. */
  private Path startUntilArchived(String name) throws Exception {
    try (OxbowProcess service = start(name).awaitServing()) {
      assertThat(service.commandLine()).noneMatch(word -> word.contains("SharedArchiveFile"));
      Await.until("an archive is made", () -> service.log().contains(".jsa made in"));
      assertThat(service.stop()).isZero();
      assertThat(service.log()).doesNotContain("[cds]", "[aot]", "WARN");
    }
    try (Stream<Path> files = Files.list(entries().get(0))) {
      return files.filter(file -> file.toString().endsWith(".jsa")).findFirst().orElseThrow();
    }
  }
}

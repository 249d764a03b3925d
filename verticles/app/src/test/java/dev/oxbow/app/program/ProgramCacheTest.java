package dev.oxbow.app.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.ProcessImage;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class ProgramCacheTest {
  private static final Path HOME = Path.of("/home/me");

  @TempDir Path folder;
  private long uid;
  private Path place;

  @BeforeEach
  void makePlace() {
    uid = Syscalls.effectiveUid();
    place = folder.resolve("cache");
  }

  @Test
  void placeIsTheVariableElseTheUsersElseTheSystems() throws IOException {
    assertThat(ProgramCache.place(Map.of("OXBOW_CACHE", "/a", "XDG_CACHE_HOME", "/b"), 7, HOME))
        .isEqualTo(Path.of("/a"));
    assertThat(ProgramCache.place(Map.of("XDG_CACHE_HOME", "/b"), 0, HOME))
        .isEqualTo(Path.of("/b/oxbow"));
    assertThat(ProgramCache.place(Map.of("XDG_CACHE_HOME", "b"), 0, HOME))
        .isEqualTo(Path.of("/var/cache/oxbow"));
    assertThat(ProgramCache.place(Map.of(), 7, HOME)).isEqualTo(HOME.resolve(".cache/oxbow"));
    assertThatThrownBy(() -> ProgramCache.place(Map.of(), 7, Path.of("?")))
        .hasMessage("uid 7 has no home; OXBOW_CACHE can name a folder");
  }

  @Test
  void makesAPrivateFolder() throws IOException {
    ProgramCache.open(place, uid);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(place)))
        .isEqualTo("rwx------");
  }

  @Test
  void refusesAFolderThatOthersCanReadOrThatIsAnothers() throws IOException {
    Files.createDirectory(place);
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxr-x---"));
    assertThatThrownBy(() -> ProgramCache.open(place, uid))
        .hasMessage(place.toRealPath() + " is open to others; its mode should be 0700");
    assertThatThrownBy(() -> ProgramCache.open(place, uid + 1))
        .hasMessageContaining("belongs to uid " + uid);
  }

  @Test
  @RequiresRoot
  void refusesAFolderInAFolderThatOthersCanChange() throws IOException {
    Path shared = Files.createDirectory(folder.resolve("shared"));
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThatThrownBy(() -> ProgramCache.open(shared.resolve("cache"), uid))
        .hasMessageContaining("can be changed by others than uid " + uid);
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwx------"));
    Files.setAttribute(shared, "unix:uid", 12345);
    assertThatThrownBy(() -> ProgramCache.open(shared.resolve("cache"), uid))
        .hasMessageContaining("can be changed by others than uid " + uid);
  }

  @Test
  void refusesALinkToAnothersFolder() throws IOException {
    Path real = Files.createDirectory(folder.resolve("real"));
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.createSymbolicLink(place, real);
    assertThatThrownBy(() -> ProgramCache.open(place, uid))
        .hasMessageContaining(real.toRealPath() + " is open to others");
  }

  @Test
  void equalContentsShareAnEntryAndOthersDoNot() throws IOException {
    ProgramCache cache = ProgramCache.open(place, uid);
    Path first = enter(cache, "one");
    assertThat(enter(cache, "one")).isEqualTo(first).exists();
    assertThat(enter(cache, "two")).isNotEqualTo(first);
    assertThat(first.resolve("oxbow.jar")).hasContent("one");
  }

  /** Enters and leaves again. */
  private Path enter(ProgramCache cache, String content) throws IOException {
    ProgramCache.Entry entry = cache.enter(Files.writeString(folder.resolve("o.jar"), content));
    ProcessImage.close(entry.lock());
    return entry.directory();
  }

  @Test
  void cleanUpKeepsOwnUsedAndNewestEntries() throws IOException {
    ProgramCache cache = ProgramCache.open(place, uid);
    List<Path> entries = new ArrayList<>();
    for (int age = 0; age < 6; age++) {
      Path entry = enter(cache, "version " + age);
      Files.setLastModifiedTime(
          entry.resolve(ProgramCache.IN_USE), FileTime.fromMillis(1_000_000_000_000L - age));
      entries.add(entry);
    }
    Path stranger = Files.createDirectory(place.resolve("notes"));
    Path leftOver = Files.createDirectory(place.resolve(ProgramCache.REMOVED + "x"));
    Files.writeString(entries.get(5).resolve("oxbow.jar.999999999"), "of a killed process");
    String used = entries.get(4).resolve(ProgramCache.IN_USE).toString();
    try (Descriptor lock = Descriptor.adopt(ProcessImage.openShared(used))) {
      assertThat(lock.isOpen()).isTrue();
      CacheCleaner.clean(place, entries.get(5), System.currentTimeMillis());
    }
    // 0 and 1 are the newest, 4 is in use, 5 is our own.
    assertThat(list(place))
        .containsExactlyInAnyOrder(
            entries.get(0), entries.get(1), entries.get(4), entries.get(5), stranger);
    assertThat(leftOver).doesNotExist();
    assertThat(list(entries.get(5))).noneMatch(file -> file.toString().endsWith("999999999"));
  }

  @Test
  void cleanUpLeavesAnEntryAloneThatSomebodyIsAboutToUse() throws IOException {
    ProgramCache cache = ProgramCache.open(place, uid);
    List<Path> entries = new ArrayList<>();
    for (int i = 0; i <= CacheCleaner.KEPT + 1; i++) {
      entries.add(enter(cache, "version " + i));
    }
    CacheCleaner.clean(place, entries.get(0), System.currentTimeMillis());
    assertThat(list(place)).hasSize(entries.size());
    CacheCleaner.clean(place, entries.get(0), System.currentTimeMillis() + 3_600_000);
    assertThat(list(place)).hasSize(CacheCleaner.KEPT + 1);
  }

  private static List<Path> list(Path path) throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      return files.toList();
    }
  }
}

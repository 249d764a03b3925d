package dev.oxbow.service.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class RuntimeDirectoryTest {
  private static final String SELF = Long.toString(ProcessHandle.current().pid());

  @TempDir private Path temporary;
  private Path path;
  private OxbowOptions options;

  @BeforeEach
  void chooseDirectory() {
    path = temporary.resolve("run/oxbow");
    options = new OxbowOptions(path);
  }

  @Test
  void makesTheDirectoryWithTheConfiguredModeWhateverTheUmask() throws IOException {
    options.setControl(new ControlOptions().setDirectoryMode(0775));
    try (RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      assertThat(directory.path()).isEqualTo(path);
      assertThat(modeOf(path)).isEqualTo("rwxrwxr-x");
      assertThat(modeOf(path.resolve(RuntimeDirectory.LOCK_FILE))).isEqualTo("rw-------");
    }
  }

  @Test
  void leavesAnExistingDirectoryAsItIs() throws IOException {
    Files.createDirectories(path);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx--x--x"));
    RuntimeDirectory.open(options).close();
    assertThat(modeOf(path)).isEqualTo("rwx--x--x");
  }

  @Test
  void publishesItsPidAndRemovesItAtTheEnd() throws IOException {
    try (RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      assertThat(pidFile()).doesNotExist();
      directory.publishPid();
      assertThat(pidFile()).hasContent(SELF);
      assertThat(RuntimeDirectory.ownerOf(path)).contains(ProcessHandle.current().pid());
      try (var files = Files.list(path)) {
        assertThat(files).hasSize(2);
      }
    }
    assertThat(pidFile()).doesNotExist();
  }

  @Test
  void refusesASecondInstanceNamingThePidOfTheFirst() throws IOException {
    try (RuntimeDirectory first = RuntimeDirectory.open(options)) {
      assertThatThrownBy(() -> RuntimeDirectory.open(options))
          .isInstanceOf(StartException.class)
          .hasMessage("Another instance is alive in runtimeDir " + path + ".");
      first.publishPid();
      assertThatThrownBy(() -> RuntimeDirectory.open(options))
          .isInstanceOf(StartException.class)
          .hasMessage("Another instance is alive in runtimeDir " + path + ": pid " + SELF + ".");
      assertThat(pidFile()).hasContent(SELF);
    }
    RuntimeDirectory.open(options).close();
  }

  @Test
  void startsDespiteTheFilesOfAnInstanceThatDied() throws IOException {
    Files.createDirectories(path);
    Files.writeString(path.resolve(RuntimeDirectory.LOCK_FILE), "");
    Files.writeString(pidFile(), "4194305\n");
    try (RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      directory.publishPid();
      assertThat(pidFile()).hasContent(SELF);
    }
  }

  @Test
  void leavesThePidOfASuccessorAlone() throws IOException {
    String successor = "1";
    try (RuntimeDirectory directory = RuntimeDirectory.open(options)) {
      directory.publishPid();
      Files.writeString(pidFile(), successor);
    }
    assertThat(pidFile()).hasContent(successor);
  }

  @Test
  void lockHoldsUntilTheLastCopyIsClosed() {
    RuntimeDirectory first = RuntimeDirectory.open(options);
    try (RuntimeDirectory successor = RuntimeDirectory.adopt(path, first.lock().duplicate())) {
      first.close();
      assertThatThrownBy(() -> RuntimeDirectory.open(options)).isInstanceOf(StartException.class);
      assertThat(successor.lock().isOpen()).isTrue();
    }
    RuntimeDirectory.open(options).close();
  }

  @Test
  void refusesAFileInPlaceOfTheDirectory() throws IOException {
    Files.createDirectories(path.getParent());
    Files.writeString(path, "");
    assertThatThrownBy(() -> RuntimeDirectory.open(options))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("runtimeDir " + path + " is not usable")
        .hasMessageContaining("is no directory");
  }

  @Test
  void refusesADirectoryThatCannotBeMade() {
    options.setRuntimeDir(Path.of("/proc/oxbow/run"));
    assertThatThrownBy(() -> RuntimeDirectory.open(options))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("does not exist and cannot be made");
  }

  @Test
  void refusesADirectoryThatTakesNoFiles() {
    options.setRuntimeDir(Path.of("/proc/self"));
    assertThatThrownBy(() -> RuntimeDirectory.open(options))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("runtimeDir /proc/self is not usable");
  }

  @Test
  void refusesAGroupThatDoesNotExist() {
    options.setControl(new ControlOptions().setSocketGroup("no-such-group"));
    assertThatThrownBy(() -> RuntimeDirectory.open(options))
        .isInstanceOf(StartException.class)
        .hasMessage("control.socketGroup: there is no group no-such-group.");
    assertThat(path).doesNotExist();
  }

  @Test
  void startAfterARefusalMakesTheDirectoryAsConfigured() throws IOException {
    options.setControl(new ControlOptions().setDirectoryMode(0710).setSocketGroup("no-such-group"));
    assertThatThrownBy(() -> RuntimeDirectory.open(options)).isInstanceOf(StartException.class);
    options.setControl(new ControlOptions().setDirectoryMode(0710));
    RuntimeDirectory.open(options).close();
    assertThat(modeOf(path)).isEqualTo("rwx--x---");
  }

  @Test
  @RequiresRoot
  void givesTheDirectoryToTheGroupByNameOrNumber() throws IOException {
    options.setControl(new ControlOptions().setSocketGroup("daemon"));
    RuntimeDirectory.open(options).close();
    assertThat(Files.getAttribute(path, "unix:gid")).isEqualTo(1);
    options.setRuntimeDir(temporary.resolve("other"));
    options.setControl(new ControlOptions().setSocketGroup("54321"));
    RuntimeDirectory.open(options).close();
    assertThat(Files.getAttribute(temporary.resolve("other"), "unix:gid")).isEqualTo(54321);
  }

  private Path pidFile() {
    return path.resolve(RuntimeDirectory.PID_FILE);
  }

  private static String modeOf(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}

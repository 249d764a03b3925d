package dev.oxbow.it.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code oxbow run} says when it cannot start: one line each, and what check says of it. */
@DescriptorLeaks
class StartRefusalTest {
  private static final int FAILED = 1;
  private static final int USAGE = 2;
  private static final int UID = 23_006;

  /** An ordinary user who may read the class path, wherever that is. */
  private static final List<String> ORDINARY =
      List.of(
          "setpriv",
          "--reuid=" + UID,
          "--regid=" + UID,
          "--clear-groups",
          "--inh-caps=+dac_read_search",
          "--ambient-caps=+dac_read_search");

  @TempDir Path folder;
  private Path config;

  @BeforeEach
  void configure() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    config = folder.resolve("oxbow.yaml");
    configure("");
  }

  private void configure(String sections) throws IOException {
    Files.writeString(config, "runtimeDir: " + runtimeDir() + "\nsplicer: {}\n" + sections);
  }

  private Path runtimeDir() {
    return folder.resolve("run");
  }

  /** Exit status and output. */
  private record Said(int status, String text) {}

  private Said oxbow(String command, List<String> prefix, String... options) throws Exception {
    List<String> words = new ArrayList<>(prefix);
    words.addAll(OxbowProcess.java());
    words.addAll(List.of(options));
    words.addAll(List.of("-jar", OxbowProcess.builtJar().toString(), command));
    words.addAll(List.of("--config", config.toString()));
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
    builder.environment().put("OXBOW_CACHE", OxbowProcess.cache(folder).toString());
    Process process = builder.start();
    byte[] output = process.getInputStream().readAllBytes();
    return new Said(process.waitFor(), new String(output, StandardCharsets.UTF_8));
  }

  /** The one line with which it does not start; check says no, too. */
  private String refusal(List<String> prefix, String... options) throws Exception {
    Said check = oxbow("check", prefix, options);
    assertThat(check.status()).as(check.text()).isEqualTo(FAILED);
    assertThat(check.text()).contains("  missing  ", " -> ", "Oxbow cannot start here");
    return only(FAILED, oxbow("run", prefix, options));
  }

  private static String only(int status, Said said) {
    List<String> lines =
        said.text()
            .lines()
            // The cache is not what this is about: an ordinary user has none here.
            .filter(line -> !line.startsWith("oxbow: no private copy ("))
            .toList();
    assertThat(lines).hasSize(1);
    assertThat(said.status()).isEqualTo(status);
    return lines.get(0);
  }

  @Test
  @RequiresRoot
  void bumblebeeWithoutItsCapabilitiesIsRefusedByName() throws Exception {
    configure("bumblebee: {}\n");
    List<String> lacking = List.of("setpriv", "--bounding-set=-sys_admin");
    Said check = oxbow("check", lacking);
    assertThat(check.status()).as(check.text()).isEqualTo(FAILED);
    assertThat(check.text()).containsPattern("missing +namespaces +no network namespace");
    Said run = oxbow("run", lacking);
    assertThat(run.status()).isEqualTo(FAILED);
    assertThat(run.text())
        .contains(
            "Bumblebee cannot start: it needs CAP_NET_ADMIN, CAP_SYS_ADMIN and /dev/net/tun"
                + " (unshare: EPERM");
  }

  @Test
  void withoutNativeEpoll() throws Exception {
    assertThat(refusal(List.of(), "-Dio.netty.transport.noNative=true"))
        .startsWith("oxbow: Netty's native epoll is not available, which Oxbow cannot do without")
        .endsWith("was explicit disabled with -Dio.netty.transport.noNative=true.");
  }

  @Test
  void onAKernelThatIsTooOld() throws Exception {
    assertThat(refusal(List.of(), "-Dos.version=5.4.0-150-generic"))
        .startsWith("oxbow: Oxbow needs Linux 5.10 or newer, for ")
        .endsWith(": this is Linux 5.4.0-150-generic.");
  }

  @Test
  @RequiresRoot
  void whereLibrariesCannotBeUnpacked() throws Exception {
    Path noexec = Files.createDirectory(folder.resolve("noexec"));
    String mount = "mount -t tmpfs -o noexec,mode=0777 oxbow '" + noexec + "'; cd '" + noexec + "'";
    List<String> inside = List.of("unshare", "-m", "sh", "-ec", mount + "; exec \"$@\"", "sh");
    String tmpdir = "-Djava.io.tmpdir=" + noexec;
    assertThat(refusal(inside, tmpdir)).startsWith("oxbow: ").contains("noexec", noexec.toString());
    // Where the C library's stub cannot be put into the working directory either.
    List<String> nowhere = new ArrayList<>(inside);
    nowhere.add("env");
    nowhere.add("TMPDIR=" + noexec);
    assertThat(refusal(nowhere, tmpdir)).startsWith("oxbow: ").contains("noexec");
  }

  @Test
  @RequiresRoot
  void inADirectoryThatMayNotBeWrittenTo() throws Exception {
    Files.createDirectory(runtimeDir());
    assertThat(refusal(ORDINARY))
        .isEqualTo(
            "oxbow: runtimeDir "
                + runtimeDir()
                + " is not usable for uid "
                + UID
                + ": the directory may not be written to.");
  }

  @Test
  @RequiresRoot
  void inADirectoryThatMayNotBeMade() throws Exception {
    assertThat(refusal(ORDINARY))
        .startsWith("oxbow: runtimeDir " + runtimeDir() + " is not usable for uid " + UID)
        .contains("does not exist and cannot be made");
  }

  @Test
  @RequiresRoot
  void withoutTheRightToGiveFilesToTheGroup() throws Exception {
    Files.createDirectory(runtimeDir());
    Files.setAttribute(runtimeDir(), "unix:uid", UID);
    configure("control: {socketGroup: daemon}\n");
    assertThat(refusal(ORDINARY))
        .isEqualTo(
            "oxbow: Missing right: uid "
                + UID
                + " may not give files to the group daemon (control.socketGroup); start as root or"
                + " as a member of that group.");
  }

  @Test
  void besideAnotherInstance() throws Exception {
    try (OxbowProcess first =
        OxbowProcess.start(folder, "first", OxbowProcess.builtJar(), List.of(), Map.of())
            .awaitServing()) {
      config = first.runtimeDir().resolveSibling("oxbow.yaml");
      assertThat(only(FAILED, oxbow("run", List.of())))
          .isEqualTo(
              "oxbow: Another instance is alive in runtimeDir "
                  + first.runtimeDir()
                  + ": pid "
                  + first.pid()
                  + ".");
      assertThat(first.stop()).isZero();
    }
  }

  @Test
  void withAConfigurationThatIsNotRight() throws Exception {
    configure("quotas:\n  relays: many\n");
    String line = config + ":4: quotas.relays: \"many\" is not right: expected an integer from 1";
    assertThat(only(USAGE, oxbow("run", List.of()))).startsWith(line);
    Said check = oxbow("check", List.of());
    assertThat(check.status()).isEqualTo(USAGE);
    assertThat(check.text()).contains("wrong    configuration  " + line);
  }
}

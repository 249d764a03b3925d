package dev.oxbow.app.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.console.ExitStatus;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.RequiresRoot;
import dev.oxbow.service.runtime.RuntimeDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
class CheckReportTest {
  @TempDir private Path folder;

  @Test
  @RequiresRoot
  void packetsCanBeCarriedHere() {
    List<Finding> findings = PacketsCheck.examine(true);
    assertThat(findings)
        .extracting(Finding::name)
        .containsExactly("namespaces", "tun", "offloads", "tunFlows", "resets", "kcmp");
    assertThat(findings).allMatch(finding -> finding.level() == Finding.Level.OK);
  }

  @Test
  void warnsWhereNoTunCanBeAFlow() {
    Finding finding = PacketsCheck.flows(false);
    assertThat(finding.level()).isEqualTo(Finding.Level.WARN);
    assertThat(finding.fatal()).isFalse();
    assertThat(finding.remedy()).contains("Linux 6.4", "oxbow gateway");
  }

  @Test
  void findsThisMachineGoodEnough() throws IOException {
    CheckReport report = CheckReport.of(config("splicer: {}\n"));
    assertThat(report.exitStatus()).isEqualTo(ExitStatus.OK);
    assertThat(report.text()).contains("ok       kernel", "native epoll", "Oxbow can start.");
    assertThat(report.machine()).noneMatch(Finding::fatal);
    assertThat(folder.resolve("run")).doesNotExist();
  }

  @Test
  void tellsEveryProblemOfTheConfigurationWithItsLine() throws IOException {
    CheckReport report = CheckReport.of(config("splicer:\n  loops: -1\nquotas: 3\n"));
    assertThat(report.exitStatus()).isEqualTo(ExitStatus.USAGE);
    assertThat(report.configuration()).hasSize(2).allMatch(Finding::fatal);
    assertThat(report.text()).contains(":3: splicer.loops:", ":4: quotas:", "cannot be used");
  }

  @Test
  void jsonSaysTheSame() throws IOException {
    String json = CheckReport.of(config("splicer: {}\n")).json();
    Message message = Message.parse(json.getBytes(StandardCharsets.UTF_8));
    assertThat(message.flag("ok", false)).isTrue();
    assertThat(message.objects("machine").get(0).string("name")).isEqualTo("kernel");
    assertThat(message.objects("machine").get(0).string("level")).isEqualTo("ok");
    assertThat(message.objects("tools")).isNotEmpty();
  }

  @Test
  void warnsWhenQuotasAreAboveTheLimitOfOpenFiles() {
    OxbowOptions options =
        new OxbowOptions(folder).setQuotas(new QuotaOptions().setDescriptors(1 << 20));
    Finding finding = Machine.descriptorLimit(options);
    assertThat(finding.level()).isEqualTo(Finding.Level.WARN);
    assertThat(finding.remedy()).contains("ulimit -n 1049088", "LimitNOFILE", "quotas.descriptors");
    options.setQuotas(new QuotaOptions().setDescriptors(2));
    assertThat(Machine.descriptorLimit(options).level()).isEqualTo(Finding.Level.OK);
  }

  @Test
  void warnsOfPipesOnlyWhereTheirLimitsCount() {
    int mib = SplicerOptions.DEFAULT_PIPE_BYTES;
    assertThat(Machine.pipeSize(2 * mib, mib, false).level()).isEqualTo(Finding.Level.WARN);
    assertThat(Machine.pipeSize(2 * mib, mib, true).level()).isEqualTo(Finding.Level.OK);
    assertThat(Machine.pipeSize(mib, mib, false).level()).isEqualTo(Finding.Level.OK);
    assertThat(Machine.pipeCount(mib, 1024, false).level()).isEqualTo(Finding.Level.WARN);
    assertThat(Machine.pipeCount(mib, 16_384, false).level()).isEqualTo(Finding.Level.OK);
    assertThat(Machine.pipeCount(mib, 0, false).level()).isEqualTo(Finding.Level.OK);
    assertThat(Machine.pipeCount(mib, 1, true).level()).isEqualTo(Finding.Level.OK);
  }

  @Test
  void saysThatAnotherInstanceIsAliveAndNotThatOneCanStart() throws IOException {
    Path file = config("splicer: {}\n");
    long own = ProcessHandle.current().pid();
    try (RuntimeDirectory directory =
        RuntimeDirectory.open(new OxbowOptions(folder.resolve("run")))) {
      directory.publishPid();
      CheckReport report = CheckReport.of(file);
      assertThat(report.exitStatus()).isEqualTo(ExitStatus.OK);
      assertThat(report.text())
          .contains("Another instance is alive: pid " + own, "oxbow upgrade replaces it")
          .doesNotContain("can start");
      Message json = Message.parse(report.json().getBytes(StandardCharsets.UTF_8));
      assertThat(json.integer("serving", 1, Integer.MAX_VALUE)).isEqualTo(own);
    }
    assertThat(CheckReport.of(file).text()).contains("Oxbow can start.");
  }

  @Test
  void tellsWhoServesInTheRuntimeDirectory() {
    Path path = folder.resolve("run");
    try (RuntimeDirectory directory = RuntimeDirectory.open(new OxbowOptions(path))) {
      directory.publishPid();
      assertThat(RuntimeDirectoryCheck.examine(path).detail())
          .contains("pid " + ProcessHandle.current().pid() + " serves there");
    }
    assertThat(RuntimeDirectoryCheck.examine(path).detail()).contains("nobody serves there");
  }

  @Test
  void missesARuntimeDirectoryThatCannotBe() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    List<Path> impossible = List.of(file, file.resolve("below"));
    assertThat(impossible).allMatch(path -> RuntimeDirectoryCheck.examine(path).fatal());
  }

  @Test
  void missesAGroupThatDoesNotExistAsTheStartDoes() throws IOException {
    CheckReport report =
        CheckReport.of(config("splicer: {}\ncontrol: {socketGroup: no-such-group}\n"));
    assertThat(report.exitStatus()).isEqualTo(ExitStatus.FAILED);
    assertThat(report.text())
        .contains("missing  socketGroup    there is no group no-such-group", "-> groupadd");
  }

  @Test
  void findsTheGroupOfThisUserUsable() throws IOException {
    Object gid = Files.getAttribute(folder, "unix:gid");
    CheckReport report =
        CheckReport.of(config("splicer: {}\ncontrol: {socketGroup: " + gid + "}\n"));
    assertThat(report.text()).contains("ok       socketGroup");
  }

  private Path config(String sections) throws IOException {
    String text = "runtimeDir: " + folder.resolve("run") + "\n" + sections;
    return Files.writeString(folder.resolve("oxbow.yaml"), text);
  }
}

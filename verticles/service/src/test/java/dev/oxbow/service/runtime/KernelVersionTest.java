package dev.oxbow.service.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class KernelVersionTest {

  @Test
  void readsWhatDistributionsCallTheirKernels() {
    assertThat(KernelVersion.parse("6.1.0-31-amd64")).isEqualTo(new KernelVersion(6, 1));
    assertThat(KernelVersion.parse("5.10")).isEqualTo(new KernelVersion(5, 10));
    assertThat(KernelVersion.parse("6.12.3+deb13-cloud")).isEqualTo(new KernelVersion(6, 12));
    assertThat(KernelVersion.parse("unknown")).isNull();
  }

  @Test
  void acceptsTheOldestAndAnythingNewer() {
    assertThatCode(() -> KernelVersion.require("Linux", "5.10.0")).doesNotThrowAnyException();
    assertThatCode(() -> KernelVersion.require("Linux", "6.2.0")).doesNotThrowAnyException();
    assertThatCode(() -> KernelVersion.require("Linux", System.getProperty("os.version")))
        .doesNotThrowAnyException();
  }

  @Test
  void refusesOlderKernelsNamingBothVersions() {
    assertThatThrownBy(() -> KernelVersion.require("Linux", "5.4.0-150-generic"))
        .isInstanceOf(StartException.class)
        .hasMessageContaining("Linux 5.10 or newer")
        .hasMessageContaining("5.4.0-150-generic");
    assertThatThrownBy(() -> KernelVersion.require("Linux", "4.19"))
        .isInstanceOf(StartException.class);
  }

  @Test
  void refusesOtherSystems() {
    assertThatThrownBy(() -> KernelVersion.require("FreeBSD", "14.1"))
        .isInstanceOf(StartException.class)
        .hasMessage("Oxbow needs Linux 5.10 or newer: this is FreeBSD 14.1.");
  }

  @Test
  void versionOfOxbowWasFilledIn() {
    assertThat(Version.current()).matches("\\d+\\.\\d+\\.\\d+.*");
  }
}

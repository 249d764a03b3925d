package dev.oxbow.app.demo;

import dev.oxbow.app.check.Tools;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.nio.file.Path;
import java.util.List;

/** What the demo cannot do without. */
final class Prerequisites {

  private Prerequisites() {}

  /**
   * Finds the program ip; installs its Debian package where it is missing and can be had.
   *
   * @throws MissingException without root or ip
   */
  static Path findIp(Progress progress) throws InterruptedException {
    if (Syscalls.effectiveUid() != 0) {
      throw new MissingException(
          "The demo makes network namespaces, which takes root: sudo oxbow demo");
    }
    if (Tools.find("ip").isEmpty() && Tools.find("apt-get").isPresent()) {
      install(progress);
    }
    return Tools.find("ip")
        .orElseThrow(
            () ->
                new MissingException(
                    "The demo makes network namespaces with the program ip, which is missing."
                        + " Debian: apt-get install iproute2"));
  }

  private static void install(Progress progress) throws InterruptedException {
    progress.say("the program ip is missing: apt-get install iproute2");
    List<String> install =
        List.of(
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "iproute2");
    if (!Shell.run(install).ok()) {
      Shell.run(List.of("apt-get", "update", "-qq"));
      Shell.Result result = Shell.run(install);
      if (!result.ok()) {
        throw new MissingException("apt-get could not install iproute2: " + result.text());
      }
    }
  }
}

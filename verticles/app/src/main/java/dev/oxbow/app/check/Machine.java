package dev.oxbow.app.check;

import dev.oxbow.config.FishOptions;
import dev.oxbow.config.OxbowOptions;
import dev.oxbow.config.PairOptions;
import dev.oxbow.config.SplicerOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.KernelVersion;
import dev.oxbow.service.runtime.StartException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Looks at kernel, limits and rights. Changes nothing. Blocking calls. */
public final class Machine {

  /** Descriptors that the JVM, the event loops and the reserve take besides the quotas' own. */
  private static final int OWN_DESCRIPTORS = 512;

  private static final int PAGE_BYTES = 4096;

  private Machine() {}

  /** Everything about the machine that the configuration depends on. */
  public static List<Finding> examine(OxbowOptions options) {
    List<Finding> findings = new ArrayList<>();
    findings.add(kernel());
    findings.add(cLibrary());
    findings.add(epoll());
    if (findings.stream().anyMatch(Finding::fatal)) {
      return findings;
    }
    findings.add(user());
    findings.add(descriptorLimit(options));
    findings.addAll(pipes(options));
    findings.add(RuntimeDirectoryCheck.examine(options.getRuntimeDir()));
    if (options.getBumblebee() != null) {
      findings.addAll(PacketsCheck.examine(true));
    }
    FishOptions fish = options.getFish();
    if (fish != null) {
      findings.add(EgressCheck.examine(fish));
      PairOptions pair = fish.getPair();
      if (pair != null) {
        findings.add(PairCheck.examine(pair));
      }
    }
    SocketGroupCheck.examine(options.getControl()).ifPresent(findings::add);
    return findings;
  }

  static Finding kernel() {
    String release = System.getProperty("os.version");
    try {
      KernelVersion.require(System.getProperty("os.name"), release);
      return Finding.ok("kernel", "Linux " + release);
    } catch (StartException e) {
      return Finding.missing(
          "kernel", String.valueOf(e.getMessage()), "run a kernel that is new enough");
    }
  }

  static Finding cLibrary() {
    try {
      return Finding.ok("C library", "called through jnr-ffi as uid " + Syscalls.effectiveUid());
    } catch (LinkageError e) {
      return Finding.missing(
          "C library", "cannot be called: " + e, "set -Djava.io.tmpdir to a place without noexec");
    }
  }

  static Finding epoll() {
    return DescriptorLoop.epollAvailable()
        ? Finding.ok("native epoll", "Netty's native transport is loaded")
        : Finding.missing(
            "native epoll",
            DescriptorLoop.whyNoEpoll(),
            "use the jar on Linux x86_64 with glibc, and set -Djava.io.tmpdir to a place without"
                + " noexec");
  }

  static Finding user() {
    long uid = Syscalls.effectiveUid();
    return uid == 0
        ? Finding.ok("user", "root: pipes and descriptors in flight have no limit per user")
        : Finding.warn(
            "user",
            "uid "
                + uid
                + ": pipes count against fs.pipe-user-pages-soft, descriptors in flight against"
                + " RLIMIT_NOFILE, and `oxbow demo` needs root",
            "run as root where these limits matter");
  }

  /** Whether the process may open as many descriptors as the quotas let one uid hold. */
  public static Finding descriptorLimit(OxbowOptions options) {
    long limit = Syscalls.descriptorLimit();
    long wanted = (long) OWN_DESCRIPTORS + options.getQuotas().getDescriptors();
    String detail = "RLIMIT_NOFILE is " + limit + ", the quota of one uid needs " + wanted;
    return limit >= wanted
        ? Finding.ok("open files", detail)
        : Finding.warn(
            "open files",
            detail + "; relays above that are refused with quota-exceeded",
            "ulimit -n "
                + wanted
                + " (systemd: LimitNOFILE="
                + wanted
                + "), or lower"
                + " quotas.descriptors");
  }

  private static List<Finding> pipes(OxbowOptions options) {
    SplicerOptions splicer = options.getSplicer();
    if (splicer == null) {
      return List.of();
    }
    try {
      long maxSize = Long.parseLong(sysctl("fs/pipe-max-size"));
      long softPages = Long.parseLong(sysctl("fs/pipe-user-pages-soft"));
      boolean root = Syscalls.effectiveUid() == 0;
      return List.of(
          pipeSize(splicer.getPipeBytes(), maxSize, root),
          pipeCount(splicer.getPipeBytes(), softPages, root));
    } catch (IOException | NumberFormatException e) {
      return List.of(Finding.warn("pipes", "their limits cannot be read: " + e, "mount /proc"));
    }
  }

  static Finding pipeSize(int wanted, long maxSize, boolean root) {
    String detail = "fs.pipe-max-size is " + maxSize + ", splicer.pipeBytes " + wanted;
    return root || wanted <= maxSize
        ? Finding.ok("pipe size", detail)
        : Finding.warn(
            "pipe size",
            detail + "; pipes stay smaller",
            "sysctl -w fs.pipe-max-size=" + wanted + ", or lower splicer.pipeBytes");
  }

  static Finding pipeCount(int pipeBytes, long softPages, boolean root) {
    if (root || softPages == 0) {
      return Finding.ok("pipe memory", "not limited for this user");
    }
    // Pipes are held only while bytes wait in them: far fewer than relays.
    final int busyRelays = 64;
    long full = softPages / Math.max(1, pipeBytes / PAGE_BYTES);
    String detail =
        "fs.pipe-user-pages-soft is "
            + softPages
            + ", enough for "
            + full
            + " pipes of splicer.pipeBytes";
    return full >= busyRelays
        ? Finding.ok("pipe memory", detail)
        : Finding.warn(
            "pipe memory",
            detail + "; more relays that are busy at once get small pipes and relay slower",
            "sysctl -w fs.pipe-user-pages-soft="
                + (long) busyRelays * (pipeBytes / PAGE_BYTES)
                + ", or run as root");
  }

  private static String sysctl(String name) throws IOException {
    // Not readString: it asks for one byte first, and /proc/sys then says that was all.
    try (InputStream in = Files.newInputStream(Path.of("/proc/sys").resolve(name))) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip();
    }
  }
}

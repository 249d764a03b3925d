package dev.oxbow.service.runtime;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The version of a Linux kernel.
 *
 * @param major as in <b>5</b>.10
 * @param minor as in 5.<b>10</b>
 */
public record KernelVersion(int major, int minor) {

  /**
   * The oldest kernel that Oxbow is tested to rely on: memfds with seals, SO_PEERGROUPS, TCP_ULP
   * and the lossless splice(2) of sockets that came with the rewritten pipe ring.
   */
  public static final KernelVersion OLDEST = new KernelVersion(5, 10);

  private static final Pattern RELEASE = Pattern.compile("(\\d{1,5})\\.(\\d{1,5}).*");

  /** From what uname(2) calls the release, such as {@code 6.1.0-31-amd64}; null if unreadable. */
  public static @Nullable KernelVersion parse(String release) {
    Matcher matcher = RELEASE.matcher(release);
    if (!matcher.matches()) {
      return null;
    }
    return new KernelVersion(
        Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }

  /** Whether this one is as new as another. */
  public boolean atLeast(KernelVersion other) {
    return major != other.major ? major > other.major : minor >= other.minor;
  }

  /**
   * Refuses an operating system that cannot carry Oxbow.
   *
   * @param system the system property {@code os.name}
   * @param release the system property {@code os.version}
   * @throws StartException saying what is needed
   */
  public static void require(String system, String release) {
    if (!system.equals("Linux")) {
      throw new StartException(
          "Oxbow needs Linux " + OLDEST + " or newer: this is " + system + " " + release + ".");
    }
    KernelVersion version = parse(release);
    if (version == null || !version.atLeast(OLDEST)) {
      throw new StartException(
          "Oxbow needs Linux "
              + OLDEST
              + " or newer, for splice(2) between sockets and pipes, sealed memfds, SO_PEERGROUPS"
              + " and TCP_ULP: this is Linux "
              + release
              + ".");
    }
  }

  @Override
  public String toString() {
    return major + "." + minor;
  }
}

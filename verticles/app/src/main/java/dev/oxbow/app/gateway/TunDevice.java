package dev.oxbow.app.gateway;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import java.nio.file.Path;
import java.util.concurrent.CompletionException;

/** Makes the tun that clients are routed into. Blocking calls. */
final class TunDevice {

  /** A window of bulk data fits, also in small packets. */
  private static final int QUEUE_PACKETS = 16_384;

  private TunDevice() {}

  /**
   * Makes or takes over a tun with offloads, gives it addresses and switches it on.
   *
   * @return the flow of its packets; the tun ends with its last descriptor unless it is persistent
   * @throws StartException naming the tun and what is missing
   */
  static Descriptor open(TunOptions options) {
    try {
      return inNamespace(options);
    } catch (LinuxException e) {
      throw refused(options, e);
    } catch (CompletionException e) {
      if (e.getCause() instanceof LinuxException cause) {
        throw refused(options, cause);
      }
      throw e;
    }
  }

  private static StartException refused(TunOptions options, LinuxException e) {
    String why =
        switch (e.errno()) {
          case Errno.EPERM -> "CAP_NET_ADMIN and, with --netns, CAP_SYS_ADMIN are needed";
          case Errno.EBUSY -> "another process uses it";
          case Errno.EINVAL -> "there is an interface of that name that is not a plain tun";
          default -> String.valueOf(e.getMessage());
        };
    return new StartException("Cannot use the tun " + options.label() + ": " + why + ".", e);
  }

  private static Descriptor inNamespace(TunOptions options) {
    Path file = options.netns();
    if (file == null) {
      return openHere(options);
    }
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    try (Namespace there =
        Namespace.adopt(Descriptor.adopt(Syscalls.open(file.toString(), flags, 0)))) {
      return there.call(() -> openHere(options));
    }
  }

  private static Descriptor openHere(TunOptions options) {
    Tun tun = Tun.open(options.name(), true);
    try (Interfaces interfaces = Interfaces.open()) {
      if (!tun.offloads(Tun.TCP_OFFLOADS)) {
        throw new StartException("This kernel's tuns have no offloads for TCP (TUNSETOFFLOAD).");
      }
      interfaces.mtu(tun.name(), options.mtu());
      interfaces.queueLength(tun.name(), QUEUE_PACKETS);
      options.addresses().forEach(address -> add(interfaces, tun.name(), address));
      interfaces.up(tun.name());
      return tun.descriptor();
    } catch (RuntimeException e) {
      tun.close();
      throw e;
    }
  }

  private static void add(Interfaces interfaces, String name, Prefix prefix) {
    byte[] bytes = prefix.address().getAddress();
    if (!prefix.v6()) {
      interfaces.address4(name, bytes, prefix.bits());
      return;
    }
    try {
      interfaces.address6(name, bytes, prefix.bits());
    } catch (LinuxException e) {
      // A tun that stays when nobody uses it has its address from before.
      if (e.errno() != Errno.EEXIST) {
        throw e;
      }
    }
  }
}

package dev.oxbow.app.gateway;

import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.RouteMessages;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Interfaces;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.StartException;
import java.nio.file.Path;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Makes the tun that clients are routed into. Blocking calls. */
final class TunDevice {

  /** A window of bulk data fits, also in small packets. */
  private static final int QUEUE_PACKETS = 16_384;

  /** For answers of rtnetlink(7), which are short, and how long one may take. */
  private static final int BUFFER_BYTES = 1 << 16;

  private static final int TIMEOUT_MS = 10_000;

  private TunDevice() {}

  /**
   * Makes or takes over a tun with offloads, gives it addresses and switches it on.
   *
   * @return the flow of its packets, or null when somebody uses the tun; it ends with its last
   *     descriptor unless it is persistent
   * @throws StartException naming the tun and what is missing
   */
  static @Nullable Descriptor open(TunOptions options) {
    return open(options, () -> openHere(options));
  }

  /**
   * Makes or takes over the tun through which packets leave from the addresses of {@code --egress}:
   * one beside the tun itself, to which everything but TCP is routed; or the tun itself, when TCP
   * is to leave so, too. Without offloads.
   *
   * @return as {@link #open(TunOptions)}
   * @throws StartException naming the tun and what is missing
   */
  static @Nullable Descriptor openEgress(TunOptions options) {
    return open(options, () -> openEgressHere(options));
  }

  private static @Nullable Descriptor open(
      TunOptions options, Supplier<@Nullable Descriptor> here) {
    try {
      return inNamespace(options, here);
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
          case Errno.EINVAL -> "there is an interface of that name that is not a plain tun";
          default -> String.valueOf(e.getMessage());
        };
    return new StartException("Cannot use the tun " + options.label() + ": " + why + ".", e);
  }

  private static @Nullable Descriptor inNamespace(
      TunOptions options, Supplier<@Nullable Descriptor> here) {
    Path file = options.netns();
    if (file == null) {
      return here.get();
    }
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    try (Namespace there =
        Namespace.adopt(Descriptor.adopt(Syscalls.open(file.toString(), flags, 0)))) {
      return there.call(here::get);
    }
  }

  /** Makes a tun, or takes over one that is there; null when somebody uses it. */
  private static @Nullable Tun unused(String name, boolean vnetHdr) {
    try {
      return Tun.open(name, vnetHdr);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        return null;
      }
      throw e;
    }
  }

  private static @Nullable Descriptor openHere(TunOptions options) {
    Tun tun = unused(options.name(), true);
    if (tun == null) {
      return null;
    }
    try {
      if (!tun.offloads(Tun.TCP_OFFLOADS)) {
        throw new StartException("This kernel's tuns have no offloads for TCP (TUNSETOFFLOAD).");
      }
      switchOn(tun, options, true);
      return tun.descriptor();
    } catch (RuntimeException e) {
      tun.close();
      throw e;
    }
  }

  private static @Nullable Descriptor openEgressHere(TunOptions options) {
    Tun tun = unused(options.egressName(), false);
    if (tun == null) {
      return null;
    }
    try {
      int index = switchOn(tun, options, options.egressTcp());
      if (!options.egressTcp()) {
        EgressRoutes.add(options, index);
      }
      return tun.descriptor();
    } catch (RuntimeException e) {
      tun.close();
      throw e;
    }
  }

  /** The number of its interface. */
  private static int switchOn(Tun tun, TunOptions options, boolean addresses) {
    try (Interfaces interfaces = Interfaces.open()) {
      if (!tun.neverWaits()) {
        throw new StartException(
            "A gateway needs Linux 6.4 or newer: this kernel's tuns are not read without waiting"
                + " (preadv2(2), RWF_NOWAIT).");
      }
      interfaces.mtu(tun.name(), options.mtu());
      interfaces.queueLength(tun.name(), QUEUE_PACKETS);
      int index = interfaces.index(tun.name());
      if (addresses) {
        add(index, options);
      }
      interfaces.up(tun.name());
      return index;
    }
  }

  /** By rtnetlink(7): the ioctl of netdevice(7) replaces the address of version 4. */
  private static void add(int index, TunOptions options) {
    try (NetlinkSocket socket = NetlinkSocket.open(NetlinkSocket.NETLINK_ROUTE, BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      for (Prefix prefix : options.addresses()) {
        NetlinkWriter request = new NetlinkWriter(exchange.request());
        RouteMessages.addressAdd(request, index, prefix.address().getAddress(), prefix.bits());
        int errno = exchange.perform(message -> {});
        // A tun that stays when nobody uses it has its address from before.
        if (errno != 0 && errno != Errno.EEXIST) {
          throw new StartException(
              "Cannot give the tun "
                  + options.label()
                  + " the address "
                  + prefix
                  + ": "
                  + Errno.name(errno)
                  + ".");
        }
      }
    }
  }
}

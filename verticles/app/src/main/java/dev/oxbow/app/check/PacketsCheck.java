package dev.oxbow.app.check;

import dev.oxbow.codecs.netlink.NetlinkWriter;
import dev.oxbow.codecs.netlink.SocketMessages;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.device.NetlinkExchange;
import dev.oxbow.fdpassing.device.NetlinkSocket;
import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.Processes;
import dev.oxbow.fdpassing.libc.Sockets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;

/**
 * Whether this machine can carry packets: a network namespace, a tun in it, its offloads, and
 * whether connections in it can be reset. What it makes for that is gone when it returns. Blocking
 * calls.
 */
public final class PacketsCheck {
  private static final String NAMESPACE = "namespaces";
  private static final String TUN = "tun";
  private static final String OFFLOADS = "offloads";
  private static final String FLOWS = "tunFlows";
  private static final String RESETS = "resets";
  private static final String NAME = "oxbow-check";
  private static final int TIMEOUT_MS = 5_000;
  private static final int BUFFER_BYTES = 64 << 10;

  private final boolean required;

  private PacketsCheck(boolean required) {
    this.required = required;
  }

  /**
   * Looks.
   *
   * @param required whether a service that is on needs it
   */
  public static List<Finding> examine(boolean required) {
    return new PacketsCheck(required).examine();
  }

  private List<Finding> examine() {
    List<Finding> findings = new ArrayList<>();
    try (Namespace namespace = Namespace.open()) {
      findings.add(Finding.ok(NAMESPACE, "a network namespace can be made"));
      try (Tun tun = namespace.call(() -> Tun.open(NAME, true))) {
        findings.add(Finding.ok(TUN, "/dev/net/tun makes devices with virtio_net_hdr"));
        findings.add(offloads(tun));
        findings.add(flows(tun.neverWaits()));
        findings.add(resets(namespace.call(PacketsCheck::destroyNothing)));
      }
    } catch (CompletionException e) {
      if (!(e.getCause() instanceof LinuxException cause)) {
        throw e;
      }
      findings.add(missing(cause, !findings.isEmpty()));
    } catch (LinuxException e) {
      findings.add(missing(e, !findings.isEmpty()));
    }
    findings.add(comparison());
    return findings;
  }

  private Finding missing(LinuxException e, boolean namespaceMade) {
    if (!namespaceMade) {
      return lacking(
          NAMESPACE,
          "no network namespace can be made: " + e.getMessage(),
          "run as root or with CAP_SYS_ADMIN (systemd: AmbientCapabilities=,"
              + " RestrictNamespaces=net)");
    }
    String remedy =
        switch (e.errno()) {
          case Errno.ENOENT ->
              "modprobe tun, and let /dev/net/tun be seen (systemd:"
                  + " PrivateDevices=no; containers: --device /dev/net/tun)";
          case Errno.EPERM, Errno.EACCES ->
              "run as root or with CAP_NET_ADMIN, and let this user" + " write to /dev/net/tun";
          default -> "look at the kernel's log";
        };
    return lacking(TUN, "no tun can be made: " + e.getMessage(), remedy);
  }

  private Finding offloads(Tun tun) {
    if (!tun.offloads(Tun.TCP_OFFLOADS)) {
      return lacking(
          OFFLOADS,
          "the tun takes no unfinished checksums and long TCP packets (TUNSETOFFLOAD)",
          "run a kernel with CONFIG_TUN and offloads");
    }
    return Finding.ok(
        OFFLOADS,
        tun.offloads(Tun.TCP_OFFLOADS | Tun.UDP_OFFLOADS)
            ? "checksums, TCP and UDP segmentation"
            : "checksums and TCP segmentation; UDP segmentation comes with Linux 6.2");
  }

  /** Not missing: Bumblebee starts, and flows that are sockets work. */
  static Finding flows(boolean tunsNeverWait) {
    return tunsNeverWait
        ? Finding.ok(FLOWS, "tuns can be flows of Bumblebee's")
        : Finding.warn(
            FLOWS,
            "a tun cannot be a flow of Bumblebee's, only a socket: this kernel does not read tuns"
                + " without waiting (preadv2(2), RWF_NOWAIT)",
            "run Linux 6.4 or newer for oxbow gateway and for flows that are tuns");
  }

  /** What the kernel answers to SOCK_DESTROY (sock_diag(7)) for a connection that is not there. */
  private static int destroyNothing() {
    byte[] address = {127, 0, 0, 1};
    try (NetlinkSocket socket = NetlinkSocket.open(NetlinkSocket.NETLINK_SOCK_DIAG, BUFFER_BYTES)) {
      NetlinkExchange exchange = new NetlinkExchange(socket, TIMEOUT_MS);
      NetlinkWriter out = new NetlinkWriter(exchange.request());
      SocketMessages.destroy(out, Sockets.AF_INET, address, 1, address, 1, 1);
      return exchange.perform(message -> {});
    }
  }

  private Finding resets(int errno) {
    return errno == Errno.ENOENT
        ? Finding.ok(RESETS, "connections can be reset when a tunnel ends")
        : lacking(
            RESETS,
            "connections cannot be reset when a tunnel ends: SOCK_DESTROY: " + Errno.text(errno),
            "run a kernel with CONFIG_INET_DIAG_DESTROY");
  }

  /** One tun given twice is known by kcmp(2). */
  private Finding comparison() {
    try {
      Processes.sameOpenFile(0, 0);
      return Finding.ok("kcmp", "descriptors of tuns can be told apart");
    } catch (LinuxException e) {
      return lacking(
          "kcmp",
          "descriptors of tuns cannot be told apart: " + e.getMessage(),
          "run a kernel with CONFIG_KCMP, and let system call filters allow kcmp");
    }
  }

  private Finding lacking(String name, String detail, String remedy) {
    return required
        ? Finding.missing(name, detail, remedy)
        : Finding.optional(name, detail + "; only Bumblebee needs it", remedy);
  }
}

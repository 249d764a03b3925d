"""What carries packets of a client to a server's TCP: each in its own namespace of clients."""

import json
import os
import socket
import sys
import time

import service
from place import LOAD_CORE, SERVER_ADDRESS, Failure, ended, inside, tail
from session import JAR

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICE_PORT = 5201
# A second server, for what has no relay and so leaves its core to the server.
FAR_PORT = 5202
# Where it is tried whether there is a way; nothing accepts there.
PROBE_PORT = 7
PATIENCE_SECONDS = 30
JAVA = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-cp", JAR]


class Subject:
    """`pid` is of the process whose CPU time counts, `where` the namespace of its clients."""

    title = ""
    port = SERVICE_PORT
    # Network interface of the clients.
    device = "tun0"
    forks = False

    def __init__(self, processes, network, mtu):
        self.processes = processes
        self.network = network
        self.mtu = mtu
        self.process = None
        self.where = f"{self.title}-{mtu}"

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def carrier(self):
        """The process that its clients' packets need besides; None for most."""
        return None

    def start(self):
        self.network.add(self.where)
        self.process = self.launch()
        self.await_way()

    def launch(self):
        raise NotImplementedError

    def await_way(self):
        """Returns when a connection through it succeeds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with inside(self.network, self.where, socket.SOCK_STREAM) as probe:
                # What a client gave up would be answered by resets, once the way is there.
                probe.settimeout(PATIENCE_SECONDS)
                try:
                    probe.connect((SERVER_ADDRESS, PROBE_PORT))
                    return
                except OSError as e:
                    if ended(self.process) or time.monotonic() > deadline:
                        raise Failure(f"no way through {self.where}: {e} {tail(self.process)}")
            time.sleep(0.05)

    def dropped(self):
        """Packets that its clients' interface had no room for, since the start."""
        shown = self.network.ip(self.where, "-j", "-s", "link", "show", "dev", self.device)
        return json.loads(shown)[0]["stats64"]["tx"]["dropped"]


class Direct(Subject):
    """Nothing: the kernel of `mid` forwards packets between two veths."""

    title = "veth"
    port = FAR_PORT
    device = "v0"

    def __init__(self, processes, network, mtu):
        super().__init__(processes, network, mtu)
        self.where = "cli"

    def start(self):
        self.await_way()


class Slirp(Subject):
    title = "slirp4netns"
    device = "tap0"

    def launch(self):
        words = ["slirp4netns", "--configure", f"--mtu={self.mtu}", "--netns-type=path",
                 self.network.path(self.where), self.device]
        return self.processes.start(self.where, words)


class Pasta(Subject):
    title = "pasta"
    device = "tap0"

    def launch(self):
        words = ["pasta", "--foreground", "--runas", "0", "--config-net", "--ns-ifname",
                 self.device, "--mtu", str(self.mtu), "--tcp-ports", "none", "--udp-ports", "none",
                 "--tcp-ns", "none", "--udp-ns", "none", "--ipv4-only", "--interface", "v-srv",
                 "--address", "10.8.0.2", "--netmask", "24", "--gateway", "10.8.0.1", "--netns",
                 self.network.path(self.where)]  # fmt: skip
        return self.processes.start(self.where, words)


class Service(service.Service):
    """With Bumblebee and Splicer, one event loop each, on the relay's core."""

    CONFIG = """quotas:
  mailboxEvents: 10000
splicer: {loops: 1}
bumblebee: {loops: 1}
"""

    def __init__(self, processes, folder):
        super().__init__(processes, folder, self.CONFIG)
        self.socket = self.path("bumblebee")

    def dropped(self):
        """Packets that Bumblebee has dropped, and that the queues of its tuns had no room for."""
        packets = self.ask("bumblebee", "stats")["stats"]["packets"]
        return {name: packets[name] for name in ("dropped", "kernelDropped")}

    def reasons(self):
        """By tunnel that is open, why packets were dropped, and how many."""
        tunnels = self.ask("bumblebee", "list")["tunnels"]
        return [tunnel["packets"]["dropped"] for tunnel in tunnels]


class Tun(Subject):
    """Bumblebee; the clients' tun with its offloads is the flow."""

    title = "bumblebee"
    kind = "vnet"

    def __init__(self, processes, network, mtu, service):
        super().__init__(processes, network, mtu)
        self.service = service

    def launch(self):
        words = [sys.executable, os.path.join(HERE, "caller.py"), self.service.runtime,
                 self.network.path(self.where), str(self.mtu), self.kind]
        return self.processes.start(self.where, words + self.command(), core=LOAD_CORE)

    def command(self):
        return []

    @property
    def pid(self):
        return self.service.process.pid


class SeqPacket(Tun):
    """Bumblebee; the flow is a socket, and a process carries between it and the clients' tun."""

    title = "seqpacket"
    kind = "seqpacket"

    def command(self):
        return [*JAVA, os.path.join(HERE, "Bridge.java")]

    @property
    def carrier(self):
        return self.process



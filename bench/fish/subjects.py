"""What takes packets of a client to the server from another address: masquerade, and Fish."""

import collections
import json
import os
import time

import flows
from place import LOAD_CORE, RELAY_CORE, SERVER_ADDRESS, Failure, await_listener
from service import Service
from session import JAR

HERE = os.path.dirname(os.path.abspath(__file__))
BRIDGE = os.path.join(os.path.dirname(HERE), "bumblebee", "Bridge.java")
SOFT_ADDRESS = "203.0.113.7"
PORTS = "20000-60000"
# A slice of so many, to be used up.
SLICE = 2_048
SLICE_PORTS = "10000-12047"
MTU = 1500
CLIENT_ADDRESS = "10.9.0.2/24"
PATIENCE_SECONDS = 10
SERVICE_PORT = 5201
# A second server, for what has no process and so leaves its processor to the server.
FAR_PORT = 5202
BOTH_CORES = {LOAD_CORE, RELAY_CORE}
JAVA = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-cp", JAR]


def tx_dropped(network, where, device):
    shown = network.ip(where, "-j", "-s", "link", "show", "dev", device)
    return json.loads(shown)[0]["stats64"]["tx"]["dropped"]


class Masquerade:
    """The kernel of `mid`: it has no process."""

    title = "masquerade"
    where = "cli"
    pid = None
    forks = False
    # All of the way is done by the thread that sends: what receives has the other processor.
    threads = 2
    core = RELAY_CORE

    def __init__(self, network):
        self._network = network

    def start(self):
        for words in ("table ip bench", "chain ip bench post { type nat hook postrouting priority"
                      " srcnat; }", "rule ip bench post oifname v-srv masquerade"):
            self._network.command("mid", "nft", "add", *words.split(" "))

    def forget(self):
        """No connection is known any more."""
        self._network.command("mid", "conntrack", "-F")


class Edge:
    """`oxbow run` with Fish, in a namespace that is wired to the server's."""

    def __init__(self, processes, network, folder, name, number, core=RELAY_CORE, more=""):
        self._network = network
        self.name = name
        self.number = number
        self.soft = SOFT_ADDRESS[:-1] + str(number)
        place = os.path.join(folder, name)
        os.mkdir(place)
        config = f"""fish:
  egress:
    - {{address: {self.soft}, ports: {SLICE_PORTS}}}
    - {{address: {self.soft}, ports: {PORTS}}}
{more}"""
        self.service = Service(processes, place, config, name, core)

    def start(self):
        ours, theirs = f"10.{self.number}.0.1", f"10.{self.number}.0.2"
        self._network.add(self.name)
        # Fish has inner addresses of IPv6, too, and its tun is to have them.
        self._network.sysctl(self.name, "net.ipv6.conf.all.disable_ipv6=0",
                             "net.ipv6.conf.default.disable_ipv6=0")
        self._network.join(self.name, ours, "srv", theirs)
        self._network.ip(self.name, "route", "add", SERVER_ADDRESS, "via", theirs)
        self._network.ip("srv", "route", "add", self.soft, "via", ours)
        self.service.start()

    def queue_dropped(self):
        """Packets for clients that fish0 had no room for, since the start."""
        return tx_dropped(self._network, self.name, "fish0")


class Fish:
    """A session of a Fish; the client's tun is the flow, with offloads."""

    title = "fish"
    offloads = True
    forks = False
    threads = 1
    core = RELAY_CORE
    carrier = None

    def __init__(self, processes, network, edge, where=None):
        self.processes = processes
        self.network = network
        self.edge = edge
        self.where = where or self.title
        self._control = None
        self._flow = None
        self._session = None
        self._dropped = collections.Counter()
        self._events = []

    @property
    def pid(self):
        return self.edge.service.pid

    def start(self):
        self.network.add(self.where)
        path = self.edge.service.path("fish")
        self._control = flows.Control(path, self.where, PATIENCE_SECONDS)
        self._answer()
        tun = flows.open_tun(self.network.path(self.where), MTU, CLIENT_ADDRESS, self.offloads)
        self._flow = self.flow(tun)
        self.open(PORTS)
        await_listener(self.network, self.where, SERVER_ADDRESS, SERVICE_PORT,
                       self.edge.service.process)

    def flow(self, tun):
        return tun

    def open(self, ports):
        self._control.ask("egress", (self._flow,), fds=["flow"], address=self.edge.soft,
                          ports=ports, mtu=MTU, metadata=self.where)
        self._session = self._answer()["session"]

    def close(self):
        """Ends the session; the last event of it."""
        self._control.ask("abort", session=self._session)
        self._answer()
        event = self.event("closed")
        self._dropped.update(event["packets"]["dropped"])
        return event

    def dropped(self):
        """By reason, how many packets Fish has dropped since the start."""
        self._control.ask("list")
        dropped = collections.Counter(self._dropped)
        for session in self._answer()["sessions"]:
            dropped.update(session["packets"]["dropped"])
        return dropped

    def queue_dropped(self):
        """Packets that the client's tun had no room for, since the start."""
        return tx_dropped(self.network, self.where, "tun0")

    def forget(self):
        """No connection is known any more."""
        self.close()
        self.open(PORTS)

    def _take(self):
        message, numbers = self._control.take()
        for number in numbers:
            os.close(number)
        if "error" in message:
            raise Failure(f"fish: {message['error']}")
        return message

    def _answer(self):
        """The next answer; events before it are kept."""
        while "event" in (message := self._take()):
            self._events.append(message)
        return message

    def event(self, name):
        """The oldest event of a name."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            message = self._events.pop(0) if self._events else self._take()
            if message.get("event") == name:
                return message
        raise Failure(f"no event {name} within {PATIENCE_SECONDS} s")


class PlainTun(Fish):
    """The flow is a tun whose packets come one by one, and with their checksums."""

    title = "tun"
    offloads = False


class SeqPacket(Fish):
    """The flow is a socket; a process carries between it and the client's tun."""

    title = "seqpacket"

    def flow(self, tun):
        ours, other = flows.pair()
        keep = (tun, other.fileno())
        words = [*JAVA, BRIDGE, str(tun), str(other.fileno()), str(MTU)]
        for number in keep:
            os.set_blocking(number, False)
        self.carrier = self.processes.start(self.where, words, core=LOAD_CORE, keep=keep)
        other.close()
        os.close(tun)
        return ours.detach()

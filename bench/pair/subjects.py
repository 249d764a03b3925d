"""Two nodes that take packets of a client to the server from one address: a pair of Fish, and two
routers with conntrackd."""

import json
import os
import socket
import time

import flows
from place import RELAY_CORE, SERVER_ADDRESS, Failure, command, ended, tail
from service import Service

MTU = 1500
CLIENT_ADDRESS = "10.9.0.2"
PORTS = "20000-60000"
NAME = "clients"
AGAIN_SECONDS = 0.05
PATIENCE_SECONDS = 30
# The least: two new nodes wait so long before they use ports that may have been lent.
TIMES = {"loanMs": 2_000, "quarantineMs": 1_000}
MAX_FLOWS = 1 << 20
# Nothing that comes in gets anywhere, and there is no answer: unlike with a link that is down, whose
# neighbours look for one another for seconds.
DEAD = ("add table inet dead; add chain inet dead in"
        " { type filter hook prerouting priority -400; policy drop; }")
QUOTAS = f"""quotas:
  flows: {MAX_FLOWS}
  sessionFlows: {MAX_FLOWS}
  flowsPerSecond: 1000000
  sessionFlowsPerSecond: 1000000
"""


def until(what, holds, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def answer(control):
    """The next message that is no event, with its error if it is one."""
    while True:
        data, numbers, _, _ = socket.recv_fds(control.sock, 65536, 253)
        for number in numbers:
            os.close(number)
        if not data:
            raise Failure("the service closed the connection")
        message = json.loads(data)
        if "event" not in message:
            return message


class Wires:
    """srv reaches two namespaces, which reach one another over a link of their own."""

    def __init__(self, network, names, numbers, shared):
        self.network = network
        self.names = names
        self.shared = shared
        self.near = [f"10.{number}.0.1" for number in numbers]
        self.far = [f"10.{number}.0.2" for number in numbers]
        for setting in ("all", "default"):
            network.sysctl("srv", f"net.ipv4.conf.{setting}.rp_filter=0")
        for name, near, far in zip(names, self.near, self.far):
            network.add(name)
            network.sysctl(name, "net.ipv6.conf.all.disable_ipv6=0",
                           "net.ipv6.conf.default.disable_ipv6=0",
                           "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
            network.join(name, near, "srv", far)
            network.ip(name, "route", "add", SERVER_ADDRESS, "via", far)
        one, two = (network.path(name).rpartition("/")[2] for name in names)
        command("ip", "link", "add", "sync0", "netns", one, "type", "veth",
                "peer", "name", "sync0", "netns", two)
        for name, address in zip(names, ("10.8.0.1", "10.8.0.2")):
            network.ip(name, "addr", "add", address + "/24", "dev", "sync0")
            network.ip(name, "link", "set", "sync0", "up")
        self.lead(0)

    def lead(self, node):
        """Packets to the shared address go to a node from here on."""
        self.network.ip("srv", "route", "replace", self.shared, "via", self.near[node])

    def cut(self):
        """No message passes between the two any more."""
        rules = ("add table inet cut; add chain inet cut in { type filter hook input priority -200; };"
                 " add rule inet cut in iifname sync0 drop;"
                 " add chain inet cut out { type filter hook output priority -200; };"
                 " add rule inet cut out oifname sync0 drop")
        self.network.command(self.names[0], "nft", rules)

    def heal(self):
        self.network.command(self.names[0], "nft", "delete", "table", "inet", "cut")


class Node:
    """`oxbow run` with one half of a pair, or alone."""

    def __init__(self, processes, folder, wires, number, core, ports=PORTS, times=None, pair=True):
        self.wires = wires
        self.where = wires.names[number]
        place = os.path.join(folder, f"{self.where}-{time.monotonic_ns()}")
        os.mkdir(place)
        lines = [
            "fish:", f"  egress: [{{address: {wires.shared}, ports: {ports}}}]",
            f"  maxFlows: {MAX_FLOWS}",
        ]  # fmt: skip
        if pair:
            lines += [
                f"  pair: {{name: {self.where}, home: {('first', 'second')[number]},"
                " secret: for this benchmark only,"
                f" listen: '10.8.0.{number + 1}:5701', peers: ['10.8.0.{2 - number}:5701'],"
                + ", ".join(f" {key}: {value}" for key, value in (times or TIMES).items()) + "}"]
        self.service = Service(
            processes, place, "\n".join(lines) + "\n" + QUOTAS, self.where, core)
        self.control = None

    def start(self):
        self.service.start()

    def stop(self):
        if self.control:
            self.control.sock.close()
        self.service.processes.stop(self.service.process)

    @property
    def pid(self):
        return self.service.pid

    def pair(self):
        return self.service.ask("fish", "stats")["stats"]["pair"]

    def await_partner(self):
        until("the nodes know one another and their ports", lambda: (
            (pair := self.pair())["connected"] and pair["blocks"]["unknown"] == 0))

    def await_kept(self, count):
        until(f"{count} connections are known to the partner",
              lambda: self.pair()["flows"]["kept"] >= count)

    def open(self, flow, ports=PORTS, name=NAME):
        """Opens the session; the answer, once it is not to be asked for later."""
        if self.control is None:
            self.control = flows.Control(self.service.path("fish"), NAME, PATIENCE_SECONDS)
            answer(self.control)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.control.ask("egress", (flow,), fds=["flow"], address=self.wires.shared,
                             ports=ports, mtu=MTU, resume=name)
            said = answer(self.control)
            if "error" not in said:
                return said
            if said["error"]["code"] != "unavailable" or time.monotonic() > deadline:
                raise Failure(f"fish: {said['error']}")
            time.sleep(AGAIN_SECONDS)

    def yield_processor(self):
        """Runs only when nothing else wants its processor."""
        for task in os.listdir(f"/proc/{self.pid}/task"):
            os.sched_setscheduler(int(task), os.SCHED_IDLE, os.sched_param(0))

    def kill(self):
        """At once: the kernel keeps what it has."""
        os.kill(self.pid, 9)


def start_both(nodes):
    """At the same time; an oxbow takes seconds to start."""
    for node in nodes:
        node.service.launch()
    for node in nodes:
        node.service.await_serving()
    for node in nodes:
        node.await_partner()


class Pair:
    """Two Fish; the client's tun is the flow of one of them at a time."""

    title = "fish"

    def __init__(self, processes, network, folder):
        self._processes = processes
        self._folder = folder
        self._network = network
        self.where = "fishcli"
        self.wires = Wires(network, ("one", "two"), (3, 4), "203.0.113.7")
        network.add(self.where)
        self._tun = flows.open_tun(network.path(self.where), MTU, CLIENT_ADDRESS + "/24")
        self.nodes = []

    def start(self):
        self.wires.lead(0)
        self.nodes = [
            Node(self._processes, self._folder, self.wires, number, RELAY_CORE)
            for number in (0, 1)]
        start_both(self.nodes)
        self.nodes[0].open(self._tun)

    def await_replicated(self, count):
        self.nodes[1].await_kept(count)

    def fail(self):
        """Kills the first node; what the second one says when it goes on."""
        began = time.monotonic()
        self.nodes[0].kill()
        self.wires.lead(1)
        said = self.nodes[1].open(self._tun)
        return {"takeOverMs": (time.monotonic() - began) * 1e3, "resumed": said["resumed"]}

    def stop(self):
        for node in self.nodes:
            node.stop()
        self.nodes = []


class Routers:
    """Two routers that masquerade, and conntrackd (FTFW), which tells one of what the other has."""

    title = "conntrackd"

    def __init__(self, processes, network, folder):
        self._processes = processes
        self._network = network
        self._folder = folder
        self.where = "routecli"
        self.wires = Wires(network, ("left", "right"), (5, 6), "203.0.113.8")
        network.add(self.where)
        network.sysctl(self.where, "net.ipv4.conf.all.rp_filter=0",
                       "net.ipv4.conf.default.rp_filter=0")
        network.ip(self.where, "addr", "add", CLIENT_ADDRESS + "/32", "dev", "lo")
        own = network.path(self.where).rpartition("/")[2]
        for number, router in enumerate(self.wires.names):
            there = network.path(router).rpartition("/")[2]
            command("ip", "link", "add", f"to{number}", "netns", own, "type", "veth",
                    "peer", "name", "in0", "netns", there)
            network.ip(self.where, "addr", "add", f"10.7.{number}.2/24", "dev", f"to{number}")
            network.ip(self.where, "link", "set", f"to{number}", "up")
            network.ip(router, "addr", "add", f"10.7.{number}.1/24", "dev", "in0")
            network.ip(router, "link", "set", "in0", "up")
            network.ip(router, "route", "add", CLIENT_ADDRESS, "via", f"10.7.{number}.2")
            network.sysctl(router, "net.ipv4.ip_forward=1")
            self._rules(router)
        self._daemons = []

    def _rules(self, router):
        rules = ("add table ip bench;"
                 " add chain ip bench post { type nat hook postrouting priority srcnat; };"
                 f" add rule ip bench post oifname v0 snat to {self.wires.shared}")
        self._network.command(router, "nft", rules)

    def _config(self, number):
        place = os.path.join(self._folder, f"conntrackd-{number}")
        with open(place + ".conf", "w") as file:
            file.write(f"""Sync {{
  Mode FTFW {{
    DisableExternalCache Off
  }}
  UDP {{
    IPv4_address 10.8.0.{number + 1}
    IPv4_Destination_Address 10.8.0.{2 - number}
    Port 3780
    Interface sync0
    SndSocketBuffer 1249280
    RcvSocketBuffer 1249280
    Checksum on
  }}
}}
General {{
  HashSize 32768
  HashLimit 131072
  LogFile {place}.log
  LockFile {place}.lock
  UNIX {{
    Path {place}.sock
  }}
  NetlinkBufferSize 2097152
  NetlinkBufferSizeMaxGrowth 8388608
  Filter From Kernelspace {{
    Protocol Accept {{
      TCP
    }}
  }}
}}
""")
        return place

    def start(self):
        self.wires.lead(0)
        self._lead_client(0)
        for number, router in enumerate(self.wires.names):
            self._network.command(router, "nft", "add table inet dead; delete table inet dead")
            self._network.command(router, "conntrack", "-F")
            place = self._config(number)
            daemon = self._processes.start(
                f"conntrackd-{number}", ["conntrackd", "-C", place + ".conf"], router, RELAY_CORE)
            self._daemons.append((daemon, place, router))
        for daemon, place, _ in self._daemons:
            until("conntrackd is there", lambda place=place: os.path.exists(place + ".sock"))
            if ended(daemon):
                raise Failure(f"conntrackd: {tail(daemon)}")

    def _lead_client(self, number):
        self._network.ip(self.where, "route", "replace", "default", "via", f"10.7.{number}.1",
                         "src", CLIENT_ADDRESS)

    def _ask(self, number, *words):
        _, place, router = self._daemons[number]
        return self._network.command(router, "conntrackd", "-C", place + ".conf", *words)

    def await_replicated(self, count):
        until(f"{count} connections are known to the other",
              lambda: self._ask(1, "-e").count("ESTABLISHED") >= count)

    def fail(self):
        """The first router is gone: it takes no packet any more, and its daemon is killed. The other
        commits what it knows, as the script for keepalived that comes with conntrackd does."""
        began = time.monotonic()
        self._daemons[0][0].kill()
        self._network.command(self.wires.names[0], "nft", DEAD)
        self._ask(1, "-c")
        self.wires.lead(1)
        self._lead_client(1)
        return {"takeOverMs": (time.monotonic() - began) * 1e3, "resumed": self._count()}

    def _count(self):
        listed = self._network.command(self.wires.names[1], "conntrack", "-L", "-p", "tcp")
        return listed.count("ESTABLISHED")

    def stop(self):
        for daemon, place, _ in self._daemons:
            self._processes.stop(daemon)
            for suffix in (".sock", ".lock"):
                if os.path.exists(place + suffix):
                    os.unlink(place + suffix)
        self._daemons = []

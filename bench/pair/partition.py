"""Both nodes want all ports toward one destination while nothing passes between them."""

import socket
import struct
import threading
import time

import flows
from place import SERVER_ADDRESS, Failure, inside
from subjects import CLIENT_ADDRESS, Node, start_both

# Eight blocks of each node's own.
PORTS = "20480-21503"
COUNT = 1_024
# Loans end and rest while the link is cut, so that ports change hands then.
TIMES = {"loanMs": 5_000, "quarantineMs": 4_000}
PORT = 9_999
ROUND_SECONDS = 0.5
FIRST_CLIENT_PORT = 2_000


class Sightings:
    """The server: which node was seen with which port, from when to when."""

    def __init__(self, network):
        self.seen = {}
        self._socket = inside(network, "srv", socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self._socket.bind((SERVER_ADDRESS, PORT))
        self._socket.settimeout(0.1)
        self._over = False
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while not self._over:
            try:
                data, source = self._socket.recvfrom(64)
            except socket.timeout:
                continue
            now = time.monotonic()
            times = self.seen.setdefault(source, {}).setdefault(data[0], [now, now])
            times[1] = now

    def close(self):
        self._over = True
        self._thread.join()
        self._socket.close()

    def ports(self, node):
        return sum(node in nodes for nodes in list(self.seen.values()))

    def both(self, rest):
        """Five-tuples that both nodes used, and those of them without a rest in between."""
        pairs = [nodes for nodes in self.seen.values() if len(nodes) > 1]
        clashes = [
            nodes for nodes in pairs
            if nodes[1][0] - nodes[0][1] < rest and nodes[0][0] - nodes[1][1] < rest]
        return len(pairs), len(clashes)


def packet(node, client_port):
    """One datagram of IPv4, without a checksum of UDP."""
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 29, 0, 0, 64, 17, 0, socket.inet_aton(CLIENT_ADDRESS),
        socket.inet_aton(SERVER_ADDRESS))  # fmt: skip
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    head = head[:10] + struct.pack("!H", total) + head[12:]
    return head + struct.pack("!HHHHB", client_port, PORT, 9, 0, node)


class Partition:
    def __init__(self, processes, folder, wires, core, seconds):
        self._nodes = [
            Node(processes, folder, wires, number, core, PORTS, TIMES) for number in (0, 1)]
        self._wires = wires
        self._seconds = seconds
        self._packets = [
            [packet(node, FIRST_CLIENT_PORT + i) for i in range(COUNT)] for node in (0, 1)]
        self._ends = []

    def _want_all(self, node):
        for each in self._packets[node]:
            try:
                self._ends[node].send(each, socket.MSG_DONTWAIT)
            except BlockingIOError:
                time.sleep(0.001)

    def run(self):
        self._wires.lead(0)
        start_both(self._nodes)
        for number, node in enumerate(self._nodes):
            ours, theirs = flows.pair()
            node.open(ours.fileno(), PORTS, f"clients-{number}")
            ours.close()
            self._ends.append(theirs)
        sightings = Sightings(self._wires.network)
        try:
            # The first one borrows what it can, before the link is cut.
            deadline = time.monotonic() + 15
            while sightings.ports(0) <= COUNT // 2 and time.monotonic() < deadline:
                self._want_all(0)
                time.sleep(ROUND_SECONDS)
            if sightings.ports(0) <= COUNT // 2:
                raise Failure("the first node got no loan")
            self._wires.cut()
            began = time.monotonic()
            while time.monotonic() - began < self._seconds:
                for node in (0, 1):
                    self._want_all(node)
                time.sleep(ROUND_SECONDS)
            connected = any(node.pair()["connected"] for node in self._nodes)
            self._wires.heal()
            time.sleep(ROUND_SECONDS)
        finally:
            sightings.close()
            for end in self._ends:
                end.close()
            for node in self._nodes:
                node.stop()
        if connected:
            raise Failure("the link was not cut")
        turns, clashes = sightings.both(TIMES["quarantineMs"] / 1e3)
        return {"firstPorts": sightings.ports(0), "secondPorts": sightings.ports(1),
                "inTurn": turns, "inCommon": clashes}

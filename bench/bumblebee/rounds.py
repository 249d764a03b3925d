"""What is measured, in which order, and what is warmed up before."""

import loads
from place import Failure
from samples import Samples, in_turn
from subjects import Direct, Pasta, SeqPacket, Service, Slirp, Tun

MTUS = (1500, 65520)
STREAMS = (1, 16)
OTHERS = ("pasta",)
ALL = ("bulk", "connections")
DEPTH = 64
# Why packets are dropped whose connection is over: the client has reset it.
OVER = ("stale", "unknown-connection")


class Sizes:
    """How much of each load makes one measurement."""

    def __init__(self, quick):
        self.bulk_seconds = 1 if quick else 2
        self.warm_seconds = 2 if quick else 6
        self.warm_connections = 2_000 if quick else 10_000
        self.connections = 1_000 if quick else 5_000
        self.connection_seconds = 1 if quick else 2


class Bench:
    """Starts the subjects, warms them up, and takes samples of them."""

    def __init__(self, stage, options, say):
        self._processes, self._network, folder = stage
        self._options = options
        self._sizes = Sizes(options.quick)
        self._say = say
        self.taken = Samples(say)
        self.service = Service(self._processes, folder)
        place = self._processes, self._network
        self.subjects = [Direct(*place, MTUS[0])]
        for mtu in MTUS:
            self.subjects += [Slirp(*place, mtu), Tun(*place, mtu, self.service)]
            self.subjects += [Pasta(*place, mtu)] if "pasta" in options.others else []
        self.subjects.append(SeqPacket(*place, MTUS[0], self.service))
        self._closed = []

    def start(self):
        self._probe = loads.start_servers(self._processes, self._network)
        self.service.start()
        self._network.add("connects")
        if "bulk" in self._options.rows:
            for subject in self.subjects:
                subject.start()

    def warm_up(self):
        if "bulk" in self._options.rows:
            for subject in self.subjects:
                if isinstance(subject, Tun):
                    for reverse in (False, True):
                        loads.bulk(self._processes, subject, self._sizes.warm_seconds, 4, reverse)
        if "connections" in self._options.rows:
            self._connections()

    def round(self, number):
        if "bulk" in self._options.rows:
            for mtu in MTUS:
                for direction in ("up", "down"):
                    for streams in STREAMS:
                        self._bulk(number, mtu, direction, streams)
        if "connections" in self._options.rows:
            self.taken.measure("connections", "bumblebee", self._connections)
        self._check_drops()

    def _bulk(self, number, mtu, direction, streams):
        row = f"{direction} {mtu} x{streams}"
        subjects = [subject for subject in self.subjects if subject.mtu == mtu]
        for subject in in_turn(subjects, number):
            self.taken.measure(row, subject.title, lambda s=subject: loads.bulk(
                self._processes, s, self._sizes.bulk_seconds, streams, direction == "down"))

    def _connections(self):
        sizes = self._sizes
        figures, dropped = loads.connections(
            self._processes, self.service, "connects", DEPTH, sizes.warm_connections,
            sizes.connections, sizes.connection_seconds)
        self._closed.append(dropped)
        return figures

    def _check_drops(self):
        """Bumblebee and the queues of both tuns must not have lost a packet."""
        lost = self.service.dropped()
        reasons = self._closed + self.service.reasons()
        over = sum(count for of_tunnel in reasons for why, count in of_tunnel.items()
                   if why in OVER)
        lost["dropped"] -= over
        if "bulk" in self._options.rows:
            for subject in self.subjects:
                if isinstance(subject, Tun):
                    lost[f"tx_dropped of {subject.where}"] = subject.dropped()
        self.taken.keep("dropped", "bumblebee", {**lost, "over": over})
        if any(lost.values()):
            raise Failure(f"packets were dropped: {lost}, {reasons}")

    def check(self):
        if not self.taken.samples:
            raise Failure("nothing was measured")

"""What is measured, in which order, and what is warmed up before."""

import collections

import loads
from place import Failure
from samples import Samples, in_turn
from subjects import (
    BOTH_CORES, PORTS, SLICE, SLICE_PORTS, Edge, Fish, Masquerade, PlainTun, SeqPacket)

STREAMS = (1, 16)
OTHERS = ("tun", "seqpacket")
ALL = ("packets", "bulk", "flows", "round-trips", "slice", "upgrade")
# Flows that are asked for beyond what a slice has.
MORE = 100
PACKETS_PER_SECOND = 10_000
# Connections that there is room for: those of all rounds rest for two minutes. No quota is reached.
MAX_FLOWS = 1 << 20
ROOM = f"""  maxFlows: {MAX_FLOWS}
quotas:
  flows: {MAX_FLOWS}
  sessionFlows: {MAX_FLOWS}
  flowsPerSecond: 1000000
  sessionFlowsPerSecond: 1000000
"""


class Sizes:
    """How much of each load makes one measurement."""

    def __init__(self, quick):
        self.packet_seconds = 1 if quick else 2
        self.bulk_seconds = 1 if quick else 2
        self.flow_seconds = 0.3 if quick else 0.6
        self.round_trips = 5_000 if quick else 20_000
        self.upgrades = 1 if quick else 2
        self.warm_seconds = 2 if quick else 5


class Bench:
    """Starts the subjects, warms them up, and takes samples of them."""

    def __init__(self, stage, options, say):
        self._processes, self._network, folder = stage
        self._options = options
        self._sizes = Sizes(options.quick)
        self._say = say
        self.taken = Samples(say)
        place = self._processes, self._network
        self.load = loads.Load(*place, folder)
        self.edge = Edge(*place, folder, "edge", 3, more=ROOM)
        self.masquerade = Masquerade(self._network)
        self.fish = Fish(*place, self.edge)
        kinds = {kind.title: kind for kind in (PlainTun, SeqPacket)}
        self.others = [kinds[name](*place, self.edge) for name in options.others]
        # An upgrade ends what is warm, so it has a Fish of its own, with nothing but defaults.
        self.replaced = Edge(*place, folder, "replaced", 4, core=BOTH_CORES)
        self.through = Fish(*place, self.replaced, where="through")

    def _wants(self, row):
        return row in self._options.rows

    def start(self):
        self.load.start()
        loads.start_servers(self._processes, self._network)
        self.masquerade.start()
        self.edge.start()
        for fish in [self.fish, *self.others]:
            fish.start()
        if self._wants("upgrade"):
            self.replaced.start()
            self.through.start()

    def warm_up(self):
        seconds = self._sizes.warm_seconds
        for fish in [self.fish, *self.others]:
            for direction in ("up", "down"):
                self.load.packets(fish, direction, seconds)
            if self._wants("bulk"):
                for reverse in (False, True):
                    loads.bulk(self._processes, fish, seconds, 4, reverse)
        if self._wants("flows"):
            for protocol in ("udp", "tcp"):
                self._flows(self.fish, protocol, 1)

    def round(self, number):
        pair = in_turn([self.masquerade, self.fish], number)
        everybody = in_turn([self.masquerade, self.fish, *self.others], number)
        sizes = self._sizes
        if self._wants("packets"):
            for way in ("up", "down"):
                self._each(f"packets {way}", everybody, lambda subject, way=way:
                           self.load.packets(subject, way, sizes.packet_seconds))
        if self._wants("bulk"):
            for way in ("up", "down"):
                for streams in STREAMS:
                    self._each(
                        f"bulk {way} x{streams}", everybody,
                        lambda subject, way=way, streams=streams: loads.bulk(
                            self._processes, subject, sizes.bulk_seconds, streams, way == "down"))
        if self._wants("flows"):
            for protocol in ("udp", "tcp"):
                self._each(f"flows {protocol}", pair, lambda subject, protocol=protocol:
                           self._flows(subject, protocol, sizes.flow_seconds))
        if self._wants("round-trips"):
            for ends in ("awake", "asleep"):
                self._each(f"round-trips {ends}", pair, lambda subject, ends=ends:
                           self.load.round_trips(
                               subject, ends, sizes.round_trips // 10, sizes.round_trips))
        if self._wants("slice"):
            self.taken.keep("slice", "fish", self._slice())
        if self._wants("upgrade"):
            for _ in range(sizes.upgrades):
                self.taken.keep("upgrade", "fish", self._upgrade())
        self.taken.keep("dropped", "fish", self._dropped())

    def _each(self, row, subjects, load):
        for subject in subjects:
            self.taken.measure(row, subject.title, lambda subject=subject: load(subject))

    def _flows(self, subject, protocol, seconds):
        figures = self.load.flows(subject, protocol, seconds)
        subject.forget()
        return figures

    def _slice(self):
        """A session with all of its ports to one destination, and what comes after that."""
        self.fish.close()
        self.fish.open(SLICE_PORTS)
        figures = self.load.ask("slice", self.fish, SLICE, MORE)
        event = self.fish.event("exhausted")
        closed = self.fish.close()
        self.fish.open(PORTS)
        if event["ports"] != SLICE_PORTS:
            raise Failure(f"exhausted tells of other ports: {event}")
        return {**figures, "exhausted": closed["packets"]["dropped"].get("exhausted", 0)}

    def _upgrade(self):
        """One upgrade while numbered packets are on their way."""
        self.load.ask("begin", self.through, PACKETS_PER_SECOND)
        result = self.replaced.service.replace()
        figures = self.load.ask("end", self.through, 0)
        report = result["report"]
        if report["outcome"] != "committed":
            raise Failure(f"the upgrade was not made: {report}")
        ready = sum(report["phasesMs"][stage] for stage in ("spawn", "hello", "warm"))
        pause = report["services"]["fish"]["pauseMs"]["max"]
        return {**figures, "pauseMs": pause, "readyMs": ready}

    def _dropped(self):
        """Packets dropped since the start: by Fish, by reason, and by the queues of all tuns."""
        upgrade = self._wants("upgrade")
        sessions = [self.fish, *self.others] + ([self.through] if upgrade else [])
        edges = [self.edge] + ([self.replaced] if upgrade else [])
        queues = sum(each.queue_dropped() for each in sessions + edges)
        dropped = sum((fish.dropped() for fish in sessions), collections.Counter())
        return {"queues": queues, **dropped}

    def check(self):
        if not self.taken.samples:
            raise Failure("nothing was measured")

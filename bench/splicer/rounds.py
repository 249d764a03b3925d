"""What is measured, in which order, and what is warmed up before."""

import loads
from place import Failure
from relays import Direct, Forward, HAProxy, Nginx, Socat, Splicer
from samples import Samples, in_turn

# A JVM counts as warm when its compilers use less than this part of its processor time.
WARM_SHARE = 0.02
WARM_ATTEMPTS = 8
# HAProxy and Splicer are always there.
OTHERS = ("direct", "forward", "nginx", "socat")
ALL = ("bulk", "requests", "mixed", "hand-over", "idle")
HAND_OVER_DEPTH = 128
MIXED_GBITS = 4
IDLE_RELAYS = 4000
IDLE_GROUP = 100
IDLE_HEAP = "-Xms64m -Xmx64m -XX:+AlwaysPreTouch"


class Sizes:
    """How much of each load makes one measurement."""

    def __init__(self, quick):
        self.bulk_seconds = 2 if quick else 5
        self.requests = 60_000 if quick else 150_000
        self.mixed_requests = 5_000 if quick else 15_000
        self.mixed_seconds = 5 if quick else 10
        self.hand_over_seconds = 2 if quick else 4
        self.hand_over_warm_up = 30_000 if quick else 120_000
        self.idle_warm_up = 4_000 if quick else 12_000
        self.warm_bulk_seconds = 4 if quick else 10
        self.warm_requests = 150_000 if quick else 400_000


class Bench:
    """Starts the relays, warms them up, and takes samples of them."""

    def __init__(self, processes, network, folder, launcher, jar, options, say):
        self._place = (processes, network, folder)
        self._processes = processes
        self._jar = jar
        self._launcher = launcher
        self._sizes = Sizes(options.quick)
        self._rows = options.rows
        self._say = say
        self.taken = Samples(say)
        self.splicer = Splicer(*self._place, launcher)
        self.haproxy = HAProxy(*self._place)
        self.relays = [self.haproxy, self.splicer]
        if {"bulk", "requests"} & set(self._rows):
            others = [Direct(*self._place), Forward(*self._place, launcher)]
            others += [Nginx(*self._place), Socat(*self._place)]
            self.relays += [relay for relay in others if relay.name in options.others]

    def start(self):
        loads.Servers(*self._place[:2]).start()
        for relay in self.relays:
            relay.start()
        # So that each answer to a GET carries a value.
        loads.requests(self._processes, self.haproxy, 1_000, "set")

    def warm_up(self):
        for relay in self.relays:
            if relay.name in ("splicer", "forward"):
                self._warm(relay)

    def _warm(self, relay):
        if "bulk" in self._rows:
            for reverse in (False, True):
                loads.bulk(self._processes, relay, self._sizes.warm_bulk_seconds, reverse)
        share = 0.0
        for _ in range(WARM_ATTEMPTS if {"requests", "mixed"} & set(self._rows) else 0):
            count = self._sizes.warm_requests
            share = loads.requests(self._processes, relay, count).get("compilerShare", 0.0)
            if share < WARM_SHARE:
                break
        self._say(f"{relay.name} is warm: its compilers take {share:.1%}")

    def round(self, number):
        relays = in_turn(self.relays, number)
        sizes = self._sizes
        for row in self._rows:
            if row == "bulk":
                for name, reverse in (("up", False), ("down", True)):
                    for relay in relays:
                        self._measure("bulk " + name, relay, lambda r: loads.bulk(
                            self._processes, r, sizes.bulk_seconds, reverse))  # noqa: B023
            elif row == "requests":
                for relay in relays:
                    self._measure("requests", relay, lambda r: loads.requests(
                        self._processes, r, sizes.requests))
            elif row == "mixed":
                for relay in relays:
                    if relay.name in ("haproxy", "splicer"):
                        self._measure("mixed", relay, self._mixed)
            elif row == "hand-over":
                for kind in ("unix", "tcp"):
                    self._measure("hand-over " + kind, self.splicer, lambda r: loads.hand_over(
                        self._processes, r, self._jar, kind, HAND_OVER_DEPTH,  # noqa: B023
                        sizes.hand_over_warm_up, sizes.hand_over_seconds))
            elif row == "idle":
                self._idle(number)

    def _mixed(self, relay):
        sizes = self._sizes
        return loads.mixed(
            self._processes, relay, sizes.mixed_seconds, MIXED_GBITS, sizes.mixed_requests)

    def _idle(self, number):
        """In processes of their own, which have never had more relays than this measurement."""
        for relay in (HAProxy(*self._place), Splicer(*self._place, self._launcher, IDLE_HEAP)):
            relay.become("idle-" + relay.name)
            relay.start()
            try:
                figures = loads.idle(self._processes, relay, IDLE_RELAYS, IDLE_GROUP,
                                     self._sizes.idle_warm_up)
            finally:
                relay.stop()
            self.taken.keep("idle", relay.title, figures)

    def _measure(self, row, relay, load):
        self.taken.measure(row, relay.title, lambda: load(relay))

    def check(self):
        if not self.taken.samples:
            raise Failure("nothing was measured")

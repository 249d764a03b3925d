"""What is measured, in which order, and what is warmed up before."""

import loads
from meter import await_quiet
from place import Failure
from relays import Direct, Forward, HAProxy, Nginx, Socat, Splicer

# User time of other programs per second of measuring; above it the measurement is made again.
STRANGERS_LIMIT = 0.04
ATTEMPTS = 5
# How long to wait for others to finish before it is made again.
PATIENCE_SECONDS = 20
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
    """Starts the relays, warms them up, and collects samples[figure][relay] = [one per round]."""

    def __init__(self, processes, network, folder, launcher, jar, options, say):
        self._place = (processes, network, folder)
        self._processes = processes
        self._jar = jar
        self._launcher = launcher
        self._sizes = Sizes(options.quick)
        self._rows = options.rows
        self._say = say
        self.samples = {}
        self.disturbed = 0
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
        """The order of the relays moves on by one with each round."""
        turn = number % len(self.relays)
        relays = self.relays[turn:] + self.relays[:turn]
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
            self._keep("idle", relay, figures)

    def _measure(self, row, relay, load):
        """Again while others use the processors; of all attempts the least disturbed counts."""
        best = None
        for _ in range(ATTEMPTS):
            figures = load(relay)
            if best is None or figures["strangers"] < best["strangers"]:
                best = figures
            if best["strangers"] <= STRANGERS_LIMIT:
                break
            await_quiet(STRANGERS_LIMIT, PATIENCE_SECONDS)
        else:
            self.disturbed += 1
        self._keep(row, relay, best)

    def _keep(self, row, relay, figures):
        shown = " ".join(f"{name}={value:.4g}" for name, value in figures.items())
        self._say(f"{row}: {relay.title}: {shown}")
        for name, value in figures.items():
            of_figure = self.samples.setdefault(f"{row} {name}", {})
            of_figure.setdefault(relay.title, []).append(value)

    def check(self):
        if not self.samples:
            raise Failure("nothing was measured")

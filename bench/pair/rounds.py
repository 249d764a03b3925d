"""What is measured, and in which order."""

import time

import flows
import loads
from meter import Meter
from partition import Partition
from place import RELAY_CORE
from samples import Samples, in_turn
from subjects import Node, Pair, Routers, start_both

ALL = ("kill", "births", "partition", "cost")
OTHERS = ("conntrackd",)
FLOWS = 1_000
PERIOD_MS = 100
NEW_PER_SECOND = 200
BIRTHS_PER_SECOND = 10_000
FIRST_PORT = 7_000


class Alone:
    """A Fish without a partner, or with one: what Meter wants to know of it."""

    forks = False

    def __init__(self, title, nodes):
        self.title = title
        self.nodes = nodes

    @property
    def pid(self):
        return self.nodes[0].pid


class Sizes:
    """How much of each load makes one measurement."""

    def __init__(self, quick):
        self.flows = 200 if quick else FLOWS
        self.calm_seconds = 2 if quick else 3
        self.after_seconds = 5 if quick else 8
        # Until those that come and go are as many as they will be.
        self.steady_seconds = 5
        self.partition_seconds = 12 if quick else 30
        self.warm_ms = 4_000 if quick else 12_000
        self.cost_ms = 2_000 if quick else 6_000


class Bench:
    def __init__(self, stage, options, say):
        self._processes, self._network, self._folder = stage
        self._options = options
        self._sizes = Sizes(options.quick)
        self._classes = loads.build(self._folder)
        self._port = FIRST_PORT
        self.taken = Samples(say)
        place = self._processes, self._network, self._folder
        self._pair = Pair(*place)
        self._subjects = [self._pair] + ([Routers(*place)] if options.others else [])

    def _fresh_port(self):
        """Of the server's; sixteen after it are free, too."""
        self._port += 100
        return self._port

    def round(self, number):
        for row, new_per_second in (("kill", 0), ("births", NEW_PER_SECOND)):
            if row in self._options.rows:
                for subject in in_turn(self._subjects, number):
                    self.taken.keep(row, subject.title, self._kill(subject, new_per_second))
        if "partition" in self._options.rows:
            partition = Partition(
                self._processes, self._folder, self._pair.wires, RELAY_CORE,
                self._sizes.partition_seconds)
            self.taken.keep("partition", "fish", partition.run())
        if "cost" in self._options.rows:
            for paired in in_turn([False, True], number):
                title = "paired" if paired else "alone"
                self.taken.measure("cost", title, lambda paired=paired: self._cost(paired))

    def _kill(self, subject, new_per_second):
        """Live connections while what carries them is killed."""
        sizes = self._sizes
        subject.start()
        chats = None
        try:
            chats = loads.chats(
                self._processes, self._network, self._classes, subject, self._fresh_port(),
                sizes.flows, new_per_second, PERIOD_MS)
            subject.await_replicated(sizes.flows)
            if new_per_second:
                time.sleep(sizes.steady_seconds)
            chats.say("calm")
            time.sleep(sizes.calm_seconds)
            calm = chats.ask("mark")
            failed = subject.fail()
            time.sleep(sizes.after_seconds)
            return {**calm, **failed, **chats.ask("end")}
        finally:
            if chats:
                chats.close()
            subject.stop()

    def _cost(self, paired):
        """Processor time and latency at a steady rate of new connections."""
        sizes = self._sizes
        wires = self._pair.wires
        wires.lead(0)
        nodes = [
            Node(self._processes, self._folder, wires, number, RELAY_CORE, pair=paired)
            for number in ((0, 1) if paired else (0,))]
        load = None
        try:
            if paired:
                start_both(nodes)
                # On another machine it would not be in the way.
                nodes[1].yield_processor()
            else:
                nodes[0].start()
            ours, theirs = flows.pair()
            nodes[0].open(ours.fileno())
            ours.close()
            words = [theirs.fileno(), self._network.path("srv"), loads.SERVER_ADDRESS,
                     self._fresh_port(), BIRTHS_PER_SECOND]  # fmt: skip
            load = loads.Program(
                self._processes, self._classes, "Births", words, (theirs.fileno(),))
            load.line(loads.READY_SECONDS)
            load.ask(str(sizes.warm_ms))
            with Meter(Alone("fish", nodes)) as meter:
                figures = load.ask(str(sizes.cost_ms))
            theirs.close()
            if paired:
                # What was told lags by what is too young to be told, and no more.
                kept = nodes[1].pair()["flows"]["kept"]
                figures["keptShare"] = kept / (figures["births"] * (
                    1 + sizes.warm_ms / sizes.cost_ms))
            own = meter.cpu_seconds - meter.compiler_seconds
            return {**figures, "cpuShare": own / meter.seconds,
                    "cpuMicrosPerFlow": own * 1e6 / max(1, figures["births"]),
                    "compilerShare": meter.compiler_seconds / max(meter.cpu_seconds, 1e-9),
                    "strangers": meter.strangers}
        finally:
            if load:
                load.close()
            for node in nodes:
                node.stop()

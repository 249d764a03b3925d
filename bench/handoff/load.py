"""The endpoints of all relays, as one program that is told what to do: Pulse.java."""

import json
import os
import select
import subprocess

from place import RELAY_ADDRESS, Failure, tail
from subjects import BOTH_CORES, LISTEN, TARGET

HERE = os.path.dirname(os.path.abspath(__file__))
READY_SECONDS = 90
ANSWER_SECONDS = 60
# Messages per second of all busy relays together, one way; a tenth of it goes the other way.
MESSAGES_PER_SECOND = 10_000
FASTEST_MICROS = 10_000


def period_micros(busy):
    """Time between two messages of one busy relay."""
    return max(FASTEST_MICROS, busy * 1_000_000 // MESSAGES_PER_SECOND)


class Pulse:
    def __init__(self, processes, classes, relays, busy):
        self._processes = processes
        words = ["nice", "-n", "-20", "java", "-XX:+UseSerialGC", "-Xmx256m", "-Xmn64m",
                 "-XX:TieredStopAtLevel=1", "-cp", classes, "Pulse", RELAY_ADDRESS, str(LISTEN),
                 str(TARGET), str(relays), str(busy), str(period_micros(busy))]
        self._process = processes.start("pulse", words, core=BOTH_CORES, stdout=subprocess.PIPE,
                                        stdin=subprocess.PIPE)
        if self._line(READY_SECONDS) != "ready":
            raise Failure(f"the endpoints are not ready: {tail(self._process)}")

    def _line(self, seconds):
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline().strip() if ready else ""
        if not line:
            raise Failure(f"the endpoints say nothing: {tail(self._process)}")
        return line

    def _say(self, word):
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def begin(self):
        """Forgets what was measured."""
        self._say("begin")

    def tell(self):
        """What was measured since."""
        self._say("tell")
        return json.loads(self._line(ANSWER_SECONDS))

    def end(self):
        """Every connection has to prove that it works; how many do, and what is missing."""
        self._say("end")
        figures = json.loads(self._line(ANSWER_SECONDS))
        self.stop()
        return figures

    def stop(self):
        self._processes.stop(self._process)

"""What a stretch of time has cost: the relay's processor time, and how much others disturbed."""

import threading
import time

from place import compiler_seconds, cpu_seconds, strangers_seconds, times, tree

_SAMPLE_SECONDS = 0.1


class Meter:
    """Reads the clocks when entered and when left.

    seconds            of the wall clock
    cpu_seconds        of the relay's processes, kernel time on their behalf included
    compiler_seconds   the part of it that was the JVM's compilers
    strangers          user time of processes that are not the benchmark's, per second
    """

    def __init__(self, relay):
        self._relay = relay

    def __enter__(self):
        relay = self._relay
        self._children = _Children(relay.pid) if relay.pid and relay.forks else None
        self._others = strangers_seconds()
        self._compilers = compiler_seconds(relay.pid) if relay.pid else 0.0
        self._cpu = cpu_seconds(relay.pid) if relay.pid else 0.0
        self._began = time.monotonic()
        return self

    def __exit__(self, *_):
        relay = self._relay
        self.seconds = time.monotonic() - self._began
        self.cpu_seconds = cpu_seconds(relay.pid) - self._cpu if relay.pid else 0.0
        if self._children:
            self.cpu_seconds = self._children.end()
        compilers = compiler_seconds(relay.pid) - self._compilers if relay.pid else 0.0
        # The JVM ends idle compiler threads, and their time goes with them.
        self.compiler_seconds = max(0.0, compilers)
        self.strangers = max(0.0, strangers_seconds() - self._others) / self.seconds


def await_quiet(limit, seconds):
    """Returns when others have used less than `limit` for a second, or when time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = strangers_seconds()
        time.sleep(1)
        if strangers_seconds() - before <= limit:
            return


class _Children:
    """Processes that end unseen, since their parent does not wait for them, must be watched."""

    def __init__(self, pid):
        self._pid = pid
        self._first = {}
        self._last = {}
        self._done = threading.Event()
        self._sample(self._first)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _sample(self, into):
        for member in tree(self._pid):
            try:
                into[member] = sum(times(f"/proc/{member}/stat")[:2])
            except (FileNotFoundError, ProcessLookupError):
                pass

    def _watch(self):
        while not self._done.wait(_SAMPLE_SECONDS):
            self._sample(self._last)

    def end(self):
        self._done.set()
        self._thread.join()
        self._sample(self._last)
        return sum(self._last.values()) - sum(
            spent for pid, spent in self._first.items() if pid in self._last)

"""`oxbow run` as what is measured: started, asked, upgraded."""

import ctypes
import json
import os
import select
import signal
import socket
import time

from place import RELAY_CORE, Failure, ended, tail, tree
from session import LAUNCHER

PATIENCE_SECONDS = 30
UPGRADE_SECONDS = 40
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """A successor's parent is gone when it ends: then this process has to take its status."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def gone_after(handles, since, seconds):
    """Seconds from `since` until all processes have ended; None when they have not in time."""
    deadline = time.monotonic() + seconds
    for handle in handles:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0, (deadline - time.monotonic()) * 1000)):
            return None
    return time.monotonic() - since


class Upgraded:
    """Of a process that serves from `runtime`; `process` is the first that did so."""

    process = None
    runtime = None

    @property
    def pid(self):
        with open(os.path.join(self.runtime, "oxbow.pid")) as file:
            return int(file.read())

    def report(self):
        with open(os.path.join(self.runtime, "handoff.json")) as file:
            return json.load(file)

    def replace(self):
        """One upgrade; what came of it, when the predecessor is gone."""
        pid = self.pid
        before = self._reported()
        handle = os.pidfd_open(pid)
        try:
            began = time.monotonic()
            os.kill(pid, signal.SIGHUP)
            deadline = began + UPGRADE_SECONDS
            while self._reported() == before:
                if time.monotonic() > deadline:
                    raise Failure(f"no upgrade within {UPGRADE_SECONDS} s: {tail(self.process)}")
                time.sleep(0.0005)
            decided = time.monotonic()
            report = self.report()
            if report["outcome"] == "committed":
                gone = gone_after([handle], decided, 10)
                # The file names the successor a moment later; the first process stays a zombie,
                # which would take the next signal in vain.
                while self.pid == pid:
                    if time.monotonic() > deadline:
                        raise Failure(f"pid {pid} is still named: {tail(self.process)}")
                    time.sleep(0.0005)
            else:
                gone = None
        finally:
            os.close(handle)
        self._reap()
        return {"seconds": decided - began, "goneSeconds": gone, "report": report}

    def _reported(self):
        try:
            return os.stat(os.path.join(self.runtime, "handoff.json")).st_ino
        except FileNotFoundError:
            return None

    def _reap(self):
        """Processes between the first one, whose group must stay ours, and the one that serves."""
        for pid in tree(os.getpid()):
            if pid not in (self.process.pid, os.getpid()) and self._is_zombie(pid):
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    @staticmethod
    def _is_zombie(pid):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return False


class Service(Upgraded):
    """With a folder of its own, in a namespace, on a core or any of a set of them."""

    def __init__(self, processes, folder, config, where="mid", core=RELAY_CORE):
        """`config` is what it gets beside its runtimeDir."""
        self.processes = processes
        self.folder = folder
        self.config = config
        self.where = where
        self.core = core
        self.runtime = os.path.join(folder, "run")

    def start(self):
        self.launch()
        self.await_serving()

    def launch(self):
        config = os.path.join(self.folder, "oxbow.yaml")
        with open(config, "w") as file:
            file.write(f"runtimeDir: {self.runtime}\n{self.config}")
        words = [LAUNCHER, "run", "--config", config]
        name = "oxbow-" + os.path.basename(self.folder)
        self.process = self.processes.start(name, words, self.where, self.core)

    def await_serving(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not os.path.exists(os.path.join(self.runtime, "oxbow.pid")):
            if ended(self.process) or time.monotonic() > deadline:
                raise Failure(f"oxbow run does not serve: {tail(self.process)}")
            time.sleep(0.05)

    def path(self, of):
        """The control socket of one of its services."""
        return os.path.join(self.runtime, of + ".sock")

    def ask(self, of, op):
        """The answer to a request without fields, over a connection of its own."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(10)
            control.connect(self.path(of))
            for words in ({"op": "hello", "app": "bench-stats"}, {"op": op}):
                control.sendall(json.dumps({"id": 1, **words}).encode())
                answer = json.loads(control.recv(65536))
        return answer

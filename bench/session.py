"""What every benchmark does around its measurements: packages, the jar, signals, cleaning up."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from place import Failure, Network, Processes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAUNCHER = os.path.join(ROOT, "oxbow")
JAR = os.path.join(ROOT, "verticles/app/target/oxbow.jar")
BUILD_SECONDS = 900
# A lock is held so long at least, and then until the round is over.
TURN_SECONDS = 200
_POLICY = "/usr/sbin/policy-rc.d"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def check_machine(tools):
    if os.geteuid() != 0:
        raise Failure("needs root, for network namespaces")
    if not {0, 1} <= os.sched_getaffinity(0):
        raise Failure("needs two processors, 0 and 1")
    for tool in tools:
        if not shutil.which(tool):
            raise Failure(f"needs {tool} on the PATH")


def install_missing(packages):
    """Debian packages, each with a program or file of it that is used."""
    missing = [
        package for package, program in packages.items()
        if not (os.path.exists(program) if program[0] == "/" else shutil.which(program))]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Failure("missing, and there is no apt-get: " + " ".join(missing))
    say("installing " + " ".join(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The packages would start their services, on ports of this machine.
    forbid = not os.path.exists(_POLICY)
    if forbid:
        with open(_POLICY, "w") as policy:
            policy.write("#!/bin/sh\nexit 101\n")
        os.chmod(_POLICY, 0o755)
    try:
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends"]):
            with_names = words + (missing if words[0] == "install" else [])
            done = subprocess.run(
                ["apt-get", *with_names], env=environment, timeout=600,
                stdout=sys.stderr.fileno())  # fmt: skip
            if done.returncode != 0:
                raise Failure(f"apt-get {with_names[0]} ended with {done.returncode}")
    finally:
        if forbid:
            os.unlink(_POLICY)


def build():
    """The launcher builds the jar when it is missing or older than the sources."""
    done = subprocess.run(
        [LAUNCHER, "--version"], stdout=subprocess.PIPE, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0 or not os.path.exists(JAR):
        raise Failure("./oxbow --version failed")
    say(done.stdout.strip())


@contextlib.contextmanager
def stage(congestion=None):
    """A folder for files and logs, the namespaces, and processes that end with the benchmark."""
    folder = tempfile.mkdtemp(prefix="oxbow-bench-")
    try:
        network = Network(congestion)
        processes = Processes(network, folder)
        try:
            network.open()
            yield processes, network, folder
        finally:
            # A second signal must not stop the cleaning up.
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            processes.close()
            network.close()
    except BaseException:
        say(f"logs of what ran are in {folder}")
        raise
    shutil.rmtree(folder)


class Turns:
    """Has a lock while something is measured, and leaves it to others now and then."""

    def __init__(self, path):
        self._file = open(path, "a") if path else None
        self._since = None

    def begin(self):
        if self._file and self._since is None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._since = time.monotonic()

    def end(self):
        if self._since is not None and time.monotonic() - self._since > TURN_SECONDS:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._since = None
            # Whoever waits is woken by now.
            time.sleep(1)


def run(main, seconds):
    """Calls `main` with a limit; a failure is one sentence and exit status 1."""

    def interrupted(number, _):
        if number == signal.SIGALRM:
            raise Failure(f"not done after {seconds} s")
        raise KeyboardInterrupt(f"by {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, interrupted)
    signal.alarm(seconds)
    try:
        main()
    except KeyboardInterrupt as e:
        sys.exit(f"bench: interrupted {e}".rstrip())
    except (Failure, OSError, subprocess.SubprocessError) as e:
        sys.exit(f"bench: {e}")

"""Where things run: three network namespaces in a row, two cores, processes that end with us."""

import ctypes
import glob
import os
import resource
import signal
import socket
import subprocess
import sys
import time

LOAD_CORE = 0
RELAY_CORE = 1
CLIENT_ADDRESS = "10.1.0.2"
RELAY_ADDRESS = "10.1.0.1"
SERVER_ADDRESS = "10.2.0.2"
# Root may raise the hard limit only with CAP_SYS_RESOURCE, which some machines keep back.
OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_PREFIX = "oxbow-bench-"


class Failure(Exception):
    """Ends the benchmark with one sentence."""


def command(*words, timeout=20):
    """Runs a short command to its end; its output."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class Network:
    """cli -- mid -- srv, joined by veth; mid forwards, so that `direct` needs no relay."""

    def __init__(self, congestion=None):
        """Congestion control of TCP in all of them; None for the machine's default."""
        self._congestion = congestion
        self._names = {}
        self._handles = {}

    def open(self):
        self._remove_stale()
        for short in ("cli", "mid", "srv"):
            self.add(short)
        self.join("cli", CLIENT_ADDRESS, "mid", RELAY_ADDRESS)
        self.join("srv", SERVER_ADDRESS, "mid", "10.2.0.1")
        self.ip("cli", "route", "add", "default", "via", RELAY_ADDRESS)
        self.ip("srv", "route", "add", "default", "via", "10.2.0.1")
        self.sysctl("mid", "net.ipv4.ip_forward=1")

    def add(self, short):
        """A namespace with nothing but a loopback device; by its file others may enter it."""
        name = f"{_PREFIX}{os.getpid()}-{short}"
        command("ip", "netns", "add", name)
        self._names[short] = name
        self._handles[short] = os.open(self.path(short), os.O_RDONLY)
        self.ip(short, "link", "set", "lo", "up")
        # Enough for thousands of idle connections that are opened and closed again and again.
        self.sysctl(short, "net.ipv4.ip_local_port_range=10000 60999")
        # Nothing but the load's own packets.
        self.sysctl(short, "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1")
        if self._congestion:
            self.sysctl(short, "net.ipv4.tcp_congestion_control=" + self._congestion)

    def path(self, short):
        return f"/run/netns/{self._names[short]}"

    def ip(self, short, *words):
        """ip(8) in a namespace; its output."""
        return command("ip", "-n", self._names[short], *words)

    def sysctl(self, short, *settings):
        self.command(short, "sysctl", "-q", *settings)

    def command(self, short, *words):
        """A short command in a namespace; its output."""
        return command("ip", "netns", "exec", self._names[short], *words)

    def join(self, left, left_address, right, right_address):
        """A veth: v0 in the one, v-<name of that one> in the other."""
        ends = [(left, "v0", left_address), (right, "v-" + left, right_address)]
        (one, one_link, _), (two, two_link, _) = ends
        command(
            "ip", "link", "add", one_link, "netns", self._names[one], "type", "veth",
            "peer", "name", two_link, "netns", self._names[two])  # fmt: skip
        for where, link, address in ends:
            self.ip(where, "addr", "add", address + "/24", "dev", link)
            self.ip(where, "link", "set", link, "up")

    def enter(self, short):
        """Moves the calling thread; used between fork and exec, and by `inside`."""
        if _LIBC.setns(self._handles[short], _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
        for name in self._names.values():
            self._remove(name)
        self._names.clear()

    @staticmethod
    def _remove(name):
        try:
            command("ip", "netns", "del", name)
        except (Failure, subprocess.TimeoutExpired) as e:
            print(f"bench: {e}", file=sys.stderr)

    def _remove_stale(self):
        """Namespaces of a run that was killed outright."""
        if not os.path.isdir("/run/netns"):
            return
        for name in os.listdir("/run/netns"):
            owner = name[len(_PREFIX):].split("-")[0] if name.startswith(_PREFIX) else ""
            if owner.isdigit() and not os.path.exists("/proc/" + owner):
                self._remove(name)


class Processes:
    """Starts programs in a namespace and on a core, and ends all of them, by pid."""

    def __init__(self, network, log_folder):
        self._network = network
        self._log_folder = log_folder
        self._running = []

    def start(
        self, name, words, where="mid", core=RELAY_CORE, env=None, stdout=None, log=True,
        stdin=subprocess.DEVNULL, keep=(),
    ):  # fmt: skip
        """On one core, or on any of a set of them; it gets descriptors `keep` beside the three."""

        def place():
            os.setsid()
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
            os.sched_setaffinity(0, core if isinstance(core, set) else {core})
            self._network.enter(where)

        path = os.path.join(self._log_folder, name + ".log")
        with open(path if log else os.devnull, "ab") as log_file:
            process = subprocess.Popen(
                words,
                stdin=stdin,
                stdout=stdout or log_file,
                stderr=log_file,
                preexec_fn=place,
                pass_fds=keep,
                env={**os.environ, **(env or {})},
                text=True,
            )
        process.bench_log = path
        self._running.append(process)
        return process

    def finish(self, name, words, where, core=LOAD_CORE, timeout=60):
        """Runs a load program to its end; its output."""
        process = self.start(name, words, where, core, stdout=subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"{name} did not end within {timeout} s") from e
        finally:
            self.stop(process)
        if process.returncode != 0:
            raise Failure(f"{name} ended with {process.returncode}: {tail(process)} {output[-300:]}")
        return output

    def stop(self, process):
        """SIGTERM to the process, then SIGKILL to what is left of its group."""
        if process.returncode is None and not ended(process):
            process.terminate()
            deadline = time.monotonic() + 5
            while not ended(process) and time.monotonic() < deadline:
                time.sleep(0.01)
        if process.returncode is None:
            # Not waited for yet, so the number of the group cannot be somebody else's.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process in self._running:
            self._running.remove(process)

    def close(self):
        for process in list(reversed(self._running)):
            self.stop(process)


def ended(process):
    """Whether it has, without taking its exit status: its pid and group stay taken."""
    if process.returncode is not None:
        return True
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, how) is not None


def tail(process):
    with open(process.bench_log, errors="replace") as log:
        return log.read()[-600:].strip()


def tree(pid):
    """The process and its descendants, as far as they live."""
    found = [pid] if os.path.exists(f"/proc/{pid}") else []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                for child in children.read().split():
                    found += tree(int(child))
    except FileNotFoundError:
        pass
    return found


def times(path):
    """User and system seconds of a process or thread; of its ended children too."""
    with open(path) as stat:
        fields = stat.read().rpartition(")")[2].split()
    user, system, child_user, child_system = (int(f) / TICKS_PER_SECOND for f in fields[11:15])
    return user, system, child_user, child_system


def cpu_seconds(pid):
    """User and system time of all threads, of the children, and of those that have ended."""
    total = 0.0
    for member in tree(pid):
        try:
            total += sum(times(f"/proc/{member}/stat"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def compiler_seconds(pid):
    """Processor time of a JVM's compiler threads; 0 for what is no JVM."""
    total = 0.0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        try:
            with open(task + "/comm") as comm:
                if "Compiler" in comm.read():
                    total += sum(times(task + "/stat")[:2])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def strangers_seconds():
    """User time of this machine that neither this process nor its descendants have used."""
    with open("/proc/stat") as stat:
        user, nice = stat.readline().split()[1:3]
    ours = 0.0
    for member in tree(os.getpid()):
        try:
            ticks = times(f"/proc/{member}/stat")
            ours += ticks[0] + ticks[2]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return (int(user) + int(nice)) / TICKS_PER_SECOND - ours


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise Failure(f"no Pss of {pid}")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def await_listener(network, where, address, port, process, seconds=30):
    """Waits until a connection to the port succeeds."""
    deadline = time.monotonic() + seconds
    while True:
        if ended(process):
            raise Failure(f"ended before it listened on {address}:{port}: {tail(process)}")
        with inside(network, where, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            if probe.connect_ex((address, port)) == 0:
                return
        if time.monotonic() > deadline:
            raise Failure(f"nothing listens on {address}:{port} after {seconds} s")
        time.sleep(0.05)


def inside(network, where, kind):
    """A TCP/IPv4 socket that belongs to a namespace; the caller stays where it was."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        network.enter(where)
        try:
            return socket.socket(socket.AF_INET, kind)
        finally:
            if _LIBC.setns(home, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(home)

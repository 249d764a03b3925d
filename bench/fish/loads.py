"""The loads: each runs once and returns its figures by name."""

import json
import os
import select
import subprocess

from meter import Meter
from place import LOAD_CORE, RELAY_CORE, SERVER_ADDRESS, Failure, await_listener, tail
from session import JAR
from subjects import BOTH_CORES, FAR_PORT, HERE, SERVICE_PORT

READY_SECONDS = 30
ANSWER_SECONDS = 60

class Load:
    """Load.java: what clients and the server do with packets."""

    def __init__(self, processes, network, folder):
        self._processes = processes
        self._network = network
        self._classes = os.path.join(folder, "classes")
        self._process = None
        self._second = None

    def start(self):
        words = ["javac", "-cp", JAR, "-d", self._classes, "-sourcepath", HERE]
        subprocess.run([*words, os.path.join(HERE, "Load.java")], check=True, timeout=120)
        words = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-Xmn64m", "-XX:TieredStopAtLevel=1",
                 "-cp", JAR + ":" + self._classes, "Load", self._network.path("srv"),
                 SERVER_ADDRESS]  # fmt: skip
        self._process = self._processes.start(
            "load", words, core=LOAD_CORE, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        if self._line(READY_SECONDS) != "ready":
            raise Failure(f"the load is not ready: {tail(self._process)}")
        self._second = self._thread("load-second")
        numbered = self._thread("load-numbered")
        os.sched_setaffinity(numbered, BOTH_CORES)
        os.setpriority(os.PRIO_PROCESS, numbered, -20)

    def _thread(self, name):
        tasks = f"/proc/{self._process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm") as comm:
                if comm.read().strip() == name:
                    return int(task)
        raise Failure(f"the load has no thread {name}")

    def _line(self, seconds):
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline().strip() if ready else ""
        if not line:
            raise Failure(f"the load says nothing: {tail(self._process)}")
        return line

    def second_on(self, core):
        os.sched_setaffinity(self._second, {core})

    def ask(self, what, subject, *numbers):
        words = [what, self._network.path(subject.where), subject.threads, *numbers]
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return json.loads(self._line(ANSWER_SECONDS))

    def packets(self, subject, direction, seconds):
        self.second_on(RELAY_CORE)
        with Meter(subject) as meter:
            figures = self.ask(direction, subject, int(seconds * 1000))
        return self._with_costs(figures, subject, meter, figures.pop("received"), "Packet")

    def flows(self, subject, protocol, seconds):
        self.second_on(RELAY_CORE)
        with Meter(subject) as meter:
            figures = self.ask(protocol + "-flows", subject, int(seconds * 1000))
        return self._with_costs(figures, subject, meter, figures.pop("flows"), "Flow")

    def round_trips(self, subject, ends, warm_up, samples):
        self.second_on(LOAD_CORE)
        with Meter(subject) as meter:
            figures = self.ask(ends, subject, warm_up, samples)
        return {**figures, "strangers": meter.strangers}

    @staticmethod
    def _with_costs(figures, subject, meter, count, what):
        figures["strangers"] = meter.strangers
        if subject.pid:
            figures[f"cpuMicrosPer{what}"] = meter.cpu_seconds * 1e6 / max(1, count)
            figures["compilerShare"] = meter.compiler_seconds / max(meter.cpu_seconds, 1e-9)
        return figures


def start_servers(processes, network):
    for port, core in ((SERVICE_PORT, LOAD_CORE), (FAR_PORT, RELAY_CORE)):
        words = ["iperf3", "-s", "-B", SERVER_ADDRESS, "-p", str(port)]
        process = processes.start(f"iperf-server-{port}", words, "srv", core)
        await_listener(network, "cli", SERVER_ADDRESS, port, process)


def bulk(processes, subject, seconds, streams, reverse):
    port = FAR_PORT if subject.threads == 2 else SERVICE_PORT
    words = ["iperf3", "-c", SERVER_ADDRESS, "-p", str(port), "-t", str(seconds),
             "-P", str(streams), "-J"]  # fmt: skip
    with Meter(subject) as meter:
        output = processes.finish(
            "iperf", words + (["-R"] if reverse else []), subject.where, timeout=seconds + 30)
    report = json.loads(output)
    if "error" in report:
        raise Failure(f"iperf3 through {subject.where}: {report['error']}")
    received = report["end"]["sum_received"]
    figures = {"gbits": received["bits_per_second"] / 1e9, "strangers": meter.strangers}
    if subject.pid:
        figures["cpuSecondsPerGB"] = meter.cpu_seconds / (received["bytes"] / 1e9)
    return figures

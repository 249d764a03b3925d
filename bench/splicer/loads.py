"""The loads: each runs once through one relay and returns its figures by name."""

import csv
import json
import os
import select
import subprocess
import sys
import time

from meter import Meter
from place import LOAD_CORE, Failure, await_listener, descriptors, ended, resident_bytes, tail
from relays import HERE, SERVER_ADDRESS, SERVICES

MESSAGE_BYTES = 64


class Servers:
    """What runs in `srv` for the whole benchmark, on the load core."""

    def __init__(self, processes, network):
        self._processes = processes
        self._network = network

    def start(self):
        commands = {
            "iperf": ["iperf3", "-s", "-B", SERVER_ADDRESS, "-p", str(SERVICES["iperf"])],
            "redis": [
                "redis-server", "--bind", SERVER_ADDRESS, "--port", str(SERVICES["redis"]),
                "--protected-mode", "no", "--save", "", "--appendonly", "no",
            ],
            "idle": [sys.executable, os.path.join(HERE, "idle.py"), "serve", SERVER_ADDRESS,
                     str(SERVICES["idle"])],
        }  # fmt: skip
        for service, words in commands.items():
            process = self._processes.start(service + "-server", words, "srv", LOAD_CORE)
            port = SERVICES[service]
            await_listener(self._network, "cli", SERVER_ADDRESS, port, process)


def judged(meter, figures, relay):
    figures["strangers"] = meter.strangers
    if relay.pid and meter.cpu_seconds > 0:
        figures["compilerShare"] = meter.compiler_seconds / meter.cpu_seconds
    return figures


def bulk(processes, relay, seconds, reverse):
    """One iperf3 stream. Its slow start is part of it, so that bytes and CPU time match."""
    address, port = relay.target("iperf")
    words = ["iperf3", "-c", address, "-p", str(port), "-t", str(seconds), "-J"]
    words += ["-R"] * reverse
    report = None
    for attempt in range(5):
        # The server takes one test at a time and may still be closing the last one.
        time.sleep(0.2)
        with Meter(relay) as meter:
            report = json.loads(processes.finish("iperf", words, "cli", timeout=seconds + 30))
        if "error" not in report:
            break
    if "error" in report:
        raise Failure(f"iperf3 through {relay.name}: {report['error']}")
    received = report["end"]["sum_received"]
    figures = {"gbits": received["bits_per_second"] / 1e9}
    if relay.pid:
        figures["cpuSecondsPerGB"] = meter.cpu_seconds / (received["bytes"] / 1e9)
    return judged(meter, figures, relay)


def requests(processes, relay, count, test="get", connections=16):
    """redis-benchmark: values of 64 bytes, one request outstanding on each connection."""
    address, port = relay.target("redis")
    words = [
        "redis-benchmark", "-h", address, "-p", str(port), "-c", str(connections),
        "-d", str(MESSAGE_BYTES), "-n", str(count), "-t", test, "--csv",
    ]  # fmt: skip
    with Meter(relay) as meter:
        output = processes.finish("redis-benchmark", words, "cli", timeout=120)
    row = next(csv.DictReader(line for line in output.splitlines() if line.startswith('"')))
    figures = {
        "requestsPerSecond": float(row["rps"]),
        "p50Ms": float(row["p50_latency_ms"]),
        "p99Ms": float(row["p99_latency_ms"]),
    }
    if relay.pid:
        figures["cpuMicrosPerRequest"] = meter.cpu_seconds / count * 1e6
    return judged(meter, figures, relay)


def mixed(processes, relay, seconds, gbits, count):
    """One connection asks and waits while a stream of a given rate runs through the same relay."""
    address, port = relay.target("iperf")
    words = [
        "iperf3", "-c", address, "-p", str(port), "-t", str(seconds), "-b", f"{gbits}G", "-J",
    ]  # fmt: skip
    stream = processes.start("iperf", words, "cli", LOAD_CORE, stdout=subprocess.PIPE)
    try:
        time.sleep(0.5)
        figures = requests(processes, relay, count, connections=1)
        if ended(stream):
            raise Failure(f"the stream through {relay.name} ended before the requests")
        report = json.loads(stream.communicate(timeout=seconds + 30)[0])
    finally:
        processes.stop(stream)
    if "error" in report:
        raise Failure(f"iperf3 through {relay.name}: {report['error']}")
    kept = {name: figures[name] for name in ("p50Ms", "p99Ms", "strangers")}
    kept["gbits"] = report["end"]["sum_received"]["bits_per_second"] / 1e9
    return kept


def hand_over(processes, relay, jar, kind, depth, warm_up, seconds):
    """Relays of 1 KiB, from socket pairs that were made before the clock started."""
    words = [
        "java", "-XX:+UseSerialGC", "-Xms512m", "-cp", jar, os.path.join(HERE, "HandOver.java"),
        relay.socket, kind, str(relay.pid), str(depth), str(warm_up), str(seconds),
    ]  # fmt: skip
    with Meter(relay) as meter:
        output = processes.finish("hand-over", words, "mid", timeout=180 + 20 * seconds)
    figures = json.loads(output)
    figures["strangers"] = meter.strangers
    return figures


def idle(processes, relay, count, group, warm_up):
    """Memory before and while a relay has many connections that do nothing.

    Before it, `warm_up` connections come and go, `group` at a time, so that what is compiled or
    allocated once is there; more than `group` at once were never open.
    """
    address, port = relay.target("idle")
    base = [sys.executable, os.path.join(HERE, "idle.py"), "hold", address, str(port)]
    before_any = descriptors(relay.pid)
    first = base + [str(group), str(group), str(max(1, warm_up // group))]
    stopped = _hold(processes, first)
    processes.stop(stopped)
    _await_descriptors(relay, before_any + group)
    before = _memory(relay)
    holder = _hold(processes, base + [str(count), str(group), "0"])
    try:
        if descriptors(relay.pid) < 2 * count:
            raise Failure(f"{relay.name} holds fewer than {count} connections")
        after = _memory(relay)
    finally:
        processes.stop(holder)
    _await_descriptors(relay, before_any + group)
    heap = after["heap"] - before["heap"]
    outside = after["resident"] - before["resident"]
    return {
        "bytesPerRelay": (heap + outside) / count,
        "heapBytesPerRelay": heap / count,
        "outsideBytesPerRelay": outside / count,
        "residentMiBBefore": before["resident"] / 2**20,
        "residentMiB": after["resident"] / 2**20,
    }


def _hold(processes, words):
    holder = processes.start("idle", words, "cli", LOAD_CORE, stdout=subprocess.PIPE)
    readable, _, _ = select.select([holder.stdout], [], [], 120)
    if not readable or holder.stdout.readline() != "ready\n":
        processes.stop(holder)
        raise Failure(f"idle connections: {tail(holder)}")
    return holder


def _await_descriptors(relay, most):
    deadline = time.monotonic() + 30
    while descriptors(relay.pid) > most:
        if time.monotonic() > deadline:
            raise Failure(f"{relay.name} still holds {descriptors(relay.pid)} descriptors")
        time.sleep(0.1)


def _memory(relay):
    """After a second of rest, so that idle pipes have been closed."""
    time.sleep(1)
    heap = relay.live_heap_bytes()
    relay.give_back()
    return {"heap": heap, "resident": resident_bytes(relay.pid)}

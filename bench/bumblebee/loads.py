"""The loads: each runs once and returns its figures by name."""

import json
import os
import socket

from meter import Meter
from place import LOAD_CORE, RELAY_CORE, SERVER_ADDRESS, Failure, await_listener, inside
from subjects import FAR_PORT, HERE, JAVA, PROBE_PORT, SERVICE_PORT


class Carrier:
    """Its processor time, as Meter reads that of a relay."""

    forks = False

    def __init__(self, process):
        self.pid = process.pid if process else None


def start_servers(processes, network):
    """iperf3 twice, and a socket that only has connections wait; the caller keeps it open."""
    probe = inside(network, "srv", socket.SOCK_STREAM)
    probe.bind((SERVER_ADDRESS, PROBE_PORT))
    probe.listen(64)
    for port, core in ((SERVICE_PORT, LOAD_CORE), (FAR_PORT, RELAY_CORE)):
        words = ["iperf3", "-s", "-B", SERVER_ADDRESS, "-p", str(port)]
        process = processes.start(f"iperf-server-{port}", words, "srv", core)
        await_listener(network, "cli", SERVER_ADDRESS, port, process)
    return probe


def bulk(processes, subject, seconds, streams, reverse):
    words = ["iperf3", "-c", SERVER_ADDRESS, "-p", str(subject.port), "-t", str(seconds),
             "-P", str(streams), "-J"]  # fmt: skip
    with Meter(Carrier(subject.carrier)) as carrier, Meter(subject) as meter:
        output = processes.finish(
            "iperf", words + (["-R"] if reverse else []), subject.where, timeout=seconds + 30)
    report = json.loads(output)
    if "error" in report:
        raise Failure(f"iperf3 through {subject.where}: {report['error']}")
    received = report["end"]["sum_received"]
    billions = received["bytes"] / 1e9
    figures = {"gbits": received["bits_per_second"] / 1e9, "strangers": meter.strangers}
    if subject.pid:
        figures["cpuSecondsPerGB"] = meter.cpu_seconds / billions
        figures["compilerShare"] = meter.compiler_seconds / max(meter.cpu_seconds, 1e-9)
    if subject.carrier:
        figures["carrierSecondsPerGB"] = carrier.cpu_seconds / billions
    return figures


def connections(processes, service, where, depth, warm_up, samples, seconds):
    """From a SYN to the socket in the caller's hand; and how many of them per second.

    Figures, and by reason what its tunnel dropped.
    """
    words = [*JAVA, os.path.join(HERE, "Connects.java"), service.socket, str(depth), str(warm_up),
             str(samples), str(seconds)]
    with Meter(Carrier(service.process)) as meter:
        output = processes.finish("connects", words, where, timeout=120 + seconds)
    figures = json.loads(output)
    dropped = figures.pop("closed")["packets"]["dropped"]
    return {**figures, "strangers": meter.strangers}, dropped

"""The results: as tables for readers, as JSON for programs."""

import samples
from samples import cell, heading, judgement, table, verdict
from session import LAUNCHER

ORDER = ("direct", "haproxy", "splicer", "forward", "nginx", "socat")
BESIDE = "haproxy"
OURS = "splicer"

# Figure, title, format, first target, later target. Targets are multiples of HAProxy's figure in
# the same round where `beside` is set; `more` says whether more is better.
COMPARED = [
    ("bulk up gbits", "bulk, client to server, Gbit/s", ".2f", 1.0, 1.1, True),
    ("bulk up cpuSecondsPerGB", "its CPU-s per GB", ".3f", 1.0, 0.8, False),
    ("bulk down gbits", "bulk, server to client, Gbit/s", ".2f", 1.0, 1.1, True),
    ("bulk down cpuSecondsPerGB", "its CPU-s per GB", ".3f", 1.0, 0.8, False),
    ("requests requestsPerSecond", "GET of 64 bytes, 16 connections, per second", ",.0f",
     1.0, 1.2, True),
    ("requests p50Ms", "its p50, ms", ".3f", None, None, False),
    ("requests p99Ms", "its p99, ms", ".3f", 1.0, 0.7, False),
    ("requests cpuMicrosPerRequest", "its CPU-us per request", ".2f", None, None, False),
    ("mixed p50Ms", "GET beside a stream, p50, ms", ".3f", None, None, False),
    ("mixed p99Ms", "GET beside a stream, p99, ms", ".3f", None, None, False),
    ("mixed gbits", "that stream, Gbit/s", ".2f", None, None, True),
    ("idle bytesPerRelay", "memory per idle relay, bytes", ",.0f", None, None, False),
]  # fmt: skip
ALONE = [
    ("hand-over unix relaysPerSecond", "hand-over, AF_UNIX sockets, relays per second", ",.0f",
     8_000, 20_000, True),
    ("hand-over unix serviceMicrosPerRelay", "its service CPU-us per relay", ".1f",
     None, None, False),
    ("hand-over unix clientMicrosPerRelay", "its client CPU-us per relay", ".1f",
     None, None, False),
    ("hand-over tcp relaysPerSecond", "hand-over, TCP sockets, relays per second", ",.0f",
     8_000, 20_000, True),
    ("hand-over tcp serviceMicrosPerRelay", "its service CPU-us per relay", ".1f",
     None, None, False),
    ("hand-over tcp clientMicrosPerRelay", "its client CPU-us per relay", ".1f",
     None, None, False),
    ("idle bytesPerRelay", "memory per idle relay, bytes", ",.0f", 2048, 512, False),
    ("idle heapBytesPerRelay", "of that on the heap", ",.0f", None, None, False),
    ("idle outsideBytesPerRelay", "of that outside", ",.0f", None, None, False),
    ("idle residentMiB", "resident with 4,000 idle relays (heap of 64 MiB), MiB", ".1f",
     None, None, False),
]  # fmt: skip


def machine():
    return samples.machine({
        "java": ["java", "-version"],
        "haproxy": ["haproxy", "-v"],
        "nginx": ["nginx", "-v"],
        "socat": ["sh", "-c", "socat -V | grep -i 'socat version'"],
        "iperf3": ["iperf3", "--version"],
        "redis-benchmark": ["redis-benchmark", "--version"],
        "oxbow": [LAUNCHER, "--version"],
    })  # fmt: skip


def results(taken):
    """Per figure and relay: median, min, max; and per relay the ratio to HAProxy, by rounds."""
    figures = samples.results(taken)
    for figure, by_relay in figures.items():
        for relay, entry in by_relay.items():
            to_haproxy = relay != BESIDE and samples.ratio(taken, figure, relay, BESIDE)
            if to_haproxy:
                entry["ratioToHAProxy"] = to_haproxy
    return figures


def verdicts(figures):
    """What splicer.md's targets say of the medians."""
    found = []
    for rows, relative in ((COMPARED, True), (ALONE, False)):
        for figure, title, _, first, later, more in rows:
            entry = figures.get(figure, {}).get(OURS)
            if entry is None or first is None:
                continue
            ratio = entry.get("ratioToHAProxy")
            value = (ratio["median"] if ratio else None) if relative else entry["median"]
            found.append({
                "figure": figure, "title": title, "value": value,
                "target": first, "met": verdict(value, first, more),
                "laterTarget": later, "laterMet": verdict(value, later, more),
            })  # fmt: skip
    return found


def compared(figures):
    relays = [r for r in ORDER if any(r in figures.get(row[0], {}) for row in COMPARED)]
    rows = []
    for figure, title, form, first, later, more in COMPARED:
        by_relay = figures.get(figure)
        if not by_relay:
            continue
        ratio = by_relay.get(OURS, {}).get("ratioToHAProxy")
        rows.append(
            [title]
            + [cell(by_relay.get(relay), form) for relay in relays]
            + [cell(ratio, ".2f") if ratio else "-"]
            + [judgement(ratio and ratio["median"], t, more) for t in (first, later)])
    return table(["", *relays, f"{OURS} / {BESIDE}", "target", "later target"], rows)


def alone(figures):
    rows = []
    for figure, title, form, first, later, more in ALONE:
        entry = figures.get(figure, {}).get(OURS)
        if entry:
            rows.append([title, cell(entry, form)] + [
                judgement(entry["median"], target, more) for target in (first, later)])
    return table(["", OURS, "target", "later target"], rows)


def markdown(facts, figures, rounds, disturbed):
    parts = heading("Splicer beside other relays", facts, rounds, disturbed)
    shares = figures.get("requests compilerShare", {}).get(OURS)
    if shares:
        parts.append(f"- compilers' part of Splicer's CPU while it was measured (requests):"
                     f" {shares['median']:.1%}, at most {shares['max']:.1%}")
    if any(BESIDE in by_relay for by_relay in figures.values()):
        parts += ["", compared(figures)]
    own = alone(figures)
    if own.count("\n") > 1:
        parts += ["", own]
    return "\n".join(parts)

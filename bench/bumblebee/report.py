"""The results: as tables for readers, as JSON for programs."""

import samples
from rounds import MTUS, STREAMS
from samples import cell, heading, judgement, table, verdict
from session import LAUNCHER

OURS = "bumblebee"
SOCKET = "seqpacket"
BESIDE = "slirp4netns"
ORDER = ("veth", BESIDE, "pasta", OURS, SOCKET)

# Of whom, at which MTU, beside whom: at least so many times its Gbit/s; first and later target.
MULTIPLES = [
    (OURS, 1500, BESIDE, 8, 15),
    (OURS, 1500, "veth", 0.4, 0.7),
    (SOCKET, 1500, BESIDE, 2, 4),
    (OURS, 65520, BESIDE, 2, 4),
]
# Figure, title, format, first and later target, whether more is better.
ALONE = [
    ("connections p50Micros", "SYN to socket in the caller's hand, p50, us", ".0f",
     300, 100, False),
    ("connections p99Micros", "its p99, us", ".0f", None, None, False),
    ("connections perSecond", "new connections per second", ",.0f", 3_000, 10_000, True),
    ("dropped dropped", "packets that Bumblebee dropped, since the start", ".0f", 0, 0, False),
    ("dropped over", "beside those of connections that clients had reset", ".0f",
     None, None, False),
    ("dropped kernelDropped", "packets that its tuns' queues dropped", ".0f",
     0, 0, False),
    ("dropped tx_dropped of bumblebee-1500", "packets that the clients' tun dropped, MTU 1500",
     ".0f", 0, 0, False),
    ("dropped tx_dropped of bumblebee-65520", "the same, MTU 65520", ".0f", 0, 0, False),
    ("dropped tx_dropped of seqpacket-1500", "the same, with a socket", ".0f", 0, 0, False),
]  # fmt: skip


def machine():
    return samples.machine({
        "java": ["java", "-version"],
        "slirp4netns": ["slirp4netns", "--version"],
        "pasta": ["dpkg-query", "-W", "passt"],
        "iperf3": ["iperf3", "--version"],
        "oxbow": [LAUNCHER, "--version"],
    })  # fmt: skip


def rows():
    return [(mtu, direction, streams) for mtu in MTUS for direction in ("up", "down")
            for streams in STREAMS]


def multiples(taken):
    """What bumblebee.md's targets say of the medians of each round's ratio."""
    found = []
    for mtu, direction, streams in rows():
        for subject, of_mtu, beside, first, later in MULTIPLES:
            figure = f"{direction} {mtu} x{streams} gbits"
            entry = samples.ratio(taken, figure, subject, beside)
            if of_mtu == mtu and entry:
                found.append({
                    "figure": figure, "title": title(mtu, direction, streams),
                    "subject": subject, "beside": beside, "ratio": entry,
                    "target": first, "met": verdict(entry["median"], first, True),
                    "laterTarget": later, "laterMet": verdict(entry["median"], later, True),
                })  # fmt: skip
    return found


def title(mtu, direction, streams):
    return f"{direction}, MTU {mtu}, {streams} stream{'s' if streams > 1 else ''}"


def compared(figures, figure, form):
    lines = []
    for mtu, direction, streams in rows():
        of_row = figures.get(f"{direction} {mtu} x{streams} {figure}", {})
        if of_row:
            lines.append([title(mtu, direction, streams)]
                         + [cell(of_row.get(subject), form) for subject in ORDER])
    return lines


def markdown(facts, taken, rounds, disturbed):
    figures = samples.results(taken)
    parts = heading("Bumblebee beside others", facts, rounds, disturbed)
    gbits = compared(figures, "gbits", ".2f")
    if gbits:
        seconds = compared(figures, "cpuSecondsPerGB", ".3f")
        carrier = compared(figures, "carrierSecondsPerGB", ".3f")
        parts += ["", table(["Gbit/s", *ORDER], gbits)]
        parts += ["", table(["CPU-s per GB", *ORDER], seconds)]
        parts += ["", table(["CPU-s per GB of Bridge.java", *ORDER], carrier)]
        parts += ["", table(["Gbit/s, times", "", "", "target", "later target"], [
            [found["title"], f"{found['subject']} / {found['beside']}",
             cell(found["ratio"], ".2f"),
             judgement(found["ratio"]["median"], found["target"], True),
             judgement(found["ratio"]["median"], found["laterTarget"], True)]
            for found in multiples(taken)])]  # fmt: skip
    alone = []
    for figure, name, form, first, later, more in ALONE:
        entry = figures.get(figure, {}).get(OURS)
        if entry:
            alone.append([name, cell(entry, form)] + [
                judgement(entry["median"], target, more) for target in (first, later)])
    return "\n".join(parts + ["", table(["", OURS, "target", "later target"], alone)])

"""The results: as tables for readers, as JSON for programs."""

import samples
from rounds import SLICE, STREAMS
from samples import cell, heading, judgement, table, verdict
from session import LAUNCHER

OURS = "fish"
BESIDE = "masquerade"
ORDER = (BESIDE, OURS, "tun", "seqpacket")

# Figure, title, format.
COMPARED = [
    *[(f"packets {way} perSecond", f"UDP, 64 bytes, {way}: packets/s", ",.0f")
      for way in ("up", "down")],
    *[(f"packets {way} cpuMicrosPerPacket", f"UDP, 64 bytes, {way}: CPU-us per packet", ".2f")
      for way in ("up", "down")],
    *[(f"bulk {way} x{streams} gbits", f"TCP {way}, {streams} x: Gbit/s", ".2f")
      for way in ("up", "down") for streams in STREAMS],
    *[(f"bulk {way} x{streams} cpuSecondsPerGB", f"TCP {way}, {streams} x: CPU-s per GB", ".3f")
      for way in ("up", "down") for streams in STREAMS],
    *[(f"flows {kind} perSecond", f"new {kind.upper()} flows/s", ",.0f")
      for kind in ("udp", "tcp")],
    *[(f"flows {kind} cpuMicrosPerFlow", f"new {kind.upper()} flows: CPU-us per flow", ".1f")
      for kind in ("udp", "tcp")],
    *[(f"round-trips {ends} {part}Micros", f"round trip, ends {ends}, {part}, us", ".1f")
      for ends in ("awake", "asleep") for part in ("p50", "p99")],
]  # fmt: skip
# Figure, first and later target: at least so many times masquerade's.
MULTIPLES = [
    *[(f"packets {way} perSecond", 0.3, 0.7) for way in ("up", "down")],
    *[(f"bulk {way} x{streams} gbits", 0.4, 0.8) for way in ("up", "down")
      for streams in STREAMS],
]  # fmt: skip
# Figure, title, format, first and later target, whether more is better.
ALONE = [
    ("flows udp perSecond", "new UDP flows/s", ",.0f", 15_000, 50_000, True),
    ("flows tcp perSecond", "new TCP flows/s", ",.0f", 15_000, 50_000, True),
    ("slice ports", f"ports of a slice of {SLICE:,} to one destination", ",.0f",
     SLICE, SLICE, True),
    ("slice beyond", "packets that left beyond those", ".0f", 0, 0, False),
    ("slice exhausted", "packets that were refused as exhausted", ".0f", None, None, True),
    ("slice firstMicros", "a flow and its answer, first half of the slice, p50, us", ".1f",
     None, None, False),
    ("slice lastMicros", "the same, last 64 ports, p50, us", ".1f", None, None, False),
    ("slice lastMaxMicros", "the same, the slowest of those, us", ".1f", None, None, False),
    ("upgrade sent", "packets sent each way around an upgrade", ",.0f", None, None, True),
    ("upgrade lost", "of them lost", ".0f", 0, 0, False),
    ("upgrade swapped", "of them doubled or swapped", ".0f", 0, 0, False),
    ("upgrade silenceMs", "longest time in which none came, ms", ".1f", 50, 10, False),
    ("upgrade pauseMs", "of it the pause as Fish sees it, ms", ".1f", None, None, False),
    ("upgrade readyMs", "start to READY of the successor, ms", ",.0f", 1_000, None, False),
]  # fmt: skip
# Row and figure, title, first and later target.
ADDED = [
    ("round-trips awake", "p50Micros", "added round trip, ends awake, p50, us", 50, 20),
    ("round-trips awake", "p99Micros", "the same, p99, us", None, None),
    ("round-trips asleep", "p50Micros", "added round trip, ends asleep, p50, us", None, None),
    ("round-trips asleep", "p99Micros", "the same, p99, us", None, None),
]


def machine():
    return samples.machine({
        "java": ["java", "-version"],
        "iperf3": ["iperf3", "--version"],
        "nft": ["nft", "--version"],
        "oxbow": [LAUNCHER, "--version"],
    })  # fmt: skip


def multiples(taken):
    """What fish.md's targets say of the medians of each round's ratio."""
    found = []
    for figure, first, later in MULTIPLES:
        for subject in ORDER[1:]:
            entry = samples.ratio(taken, figure, subject, BESIDE)
            if entry:
                targets = (first, later) if subject == OURS else (None, None)
                found.append({
                    "figure": figure, "subject": subject, "ratio": entry,
                    "target": targets[0], "met": verdict(entry["median"], targets[0], True),
                    "laterTarget": targets[1],
                    "laterMet": verdict(entry["median"], targets[1], True),
                })  # fmt: skip
    return found


def added(taken, row, figure):
    """What Fish takes longer than masquerade, of the same round."""
    by_subject = taken.get(f"{row} {figure}", {})
    pairs = list(zip(by_subject.get(OURS, []), by_subject.get(BESIDE, [])))
    good = [samples.undisturbed(taken, row, subject) for subject in (OURS, BESIDE)]
    if not pairs:
        return None
    both = [at for at in range(len(pairs)) if all(at in of for of in good)] or range(len(pairs))
    return samples.summary([pairs[at][0] - pairs[at][1] for at in both])


def targets(entry, first, later, more):
    return [judgement(entry["median"], target, more) for target in (first, later)]


def markdown(facts, taken, rounds, disturbed):
    figures = samples.results(taken)
    titles = {figure: title for figure, title, _ in COMPARED}
    parts = heading("Fish beside masquerade", facts, rounds, disturbed)
    compared = [
        [title] + [cell(figures[figure].get(subject), form) for subject in ORDER]
        for figure, title, form in COMPARED if figure in figures]
    if compared:
        parts += ["", table(["", *ORDER], compared)]
    ratios = [
        [titles[found["figure"]], found["subject"], cell(found["ratio"], ".2f"),
         *targets(found["ratio"], found["target"], found["laterTarget"], True)]
        for found in multiples(taken)]
    if ratios:
        parts += ["", table(["times masquerade's", "", "", "target", "later target"], ratios)]
    alone = []
    for row, figure, title, first, later in ADDED:
        entry = added(taken, row, figure)
        if entry:
            alone.append([title, cell(entry, ".1f"), *targets(entry, first, later, False)])
    for figure, title, form, first, later, more in ALONE:
        entry = figures.get(figure, {}).get(OURS)
        if entry:
            alone.append([title, cell(entry, form), *targets(entry, first, later, more)])
    for figure in figures:
        row, _, why = figure.partition(" ")
        if row == "dropped":
            title = f"packets dropped since the start: {why}"
            alone.append([title, cell(figures[figure][OURS], ",.0f"), "-", "-"])
    if alone:
        parts += ["", table(["", OURS, "target", "later target"], alone)]
    return "\n".join(parts)

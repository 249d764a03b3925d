"""The results: as tables for readers, as JSON for programs."""

import samples
from samples import cell, heading, judgement, table
from session import LAUNCHER

OURS = "fish"
ORDER = (OURS, "conntrackd")

# Figure, title, format, first and later target, whether more is better.
KILLS = [
    ("flows", "connections older than 1 s", ",.0f", None, None, True),
    ("aliveShare", "of them alive, %", ".2f", 100, 100, True),
    ("resets", "of them reset", ",.0f", 0, 0, False),
    ("oldestLostMs", "age of the oldest that was lost, ms", ",.0f", None, None, False),
    ("stallP50Ms", "stall, p50, ms", ",.0f", None, None, False),
    ("stallP99Ms", "stall, p99, ms", ",.0f", 1_500, 800, False),
    ("stallMaxMs", "stall, the longest, ms", ",.0f", None, None, False),
    ("calmMaxMs", "longest answer before, ms", ",.0f", None, None, False),
    ("takeOverMs", "from the failure until the other one has them, ms", ",.0f", None, None, False),
    ("resumed", "connections that it then has", ",.0f", None, None, True),
    ("wrong", "wrong answers", ",.0f", 0, 0, False),
    ("young", "connections younger than 1 s", ",.0f", None, None, True),
    ("youngAlive", "of them alive", ",.0f", None, None, True),
    ("newAfter", "new connections afterwards", ",.0f", None, None, True),
]  # fmt: skip
PARTITION = [
    ("inCommon", "five-tuples in common", ",.0f", 0, 0, False),
    ("inTurn", "used by both, one after the other had rested", ",.0f", None, None, False),
    ("firstPorts", "ports that the first node had", ",.0f", None, None, True),
    ("secondPorts", "ports that the second one had", ",.0f", None, None, True),
]
COST = [
    ("births", "new connections", ",.0f"),
    ("cpuShare", "CPU of Fish, cores", ".3f"),
    ("cpuMicrosPerFlow", "CPU-us per new connection", ".1f"),
    ("p50Micros", "round trip, p50, us", ".1f"),
    ("p99Micros", "round trip, p99, us", ".1f"),
    ("maxMicros", "round trip, the longest, us", ",.0f"),
    ("keptShare", "share of all connections that the partner knew at the end", ".2f"),
]
TITLES = {
    "kill": "a node is killed",
    "births": "a node is killed while 200 connections begin each second",
}
MORE_CPU_PERCENT = 15


def machine():
    return samples.machine({
        "java": ["java", "-version"],
        "nft": ["nft", "--version"],
        "conntrackd": ["conntrackd", "-v"],
        "oxbow": [LAUNCHER, "--version"],
    })  # fmt: skip


def figures(taken):
    found = samples.results(taken)
    for row in TITLES:
        alive, flows = taken.get(f"{row} alive"), taken.get(f"{row} flows")
        if alive:
            found[f"{row} aliveShare"] = {
                subject: samples.summary([
                    100 * a / f for a, f in zip(alive[subject], flows[subject])])
                for subject in alive}
    return found


def more_cpu(taken):
    """Per cent of Fish's CPU that the partner costs, of each round."""
    ratio = samples.ratio(taken, "cost cpuShare", "paired", "alone")
    if not ratio:
        return None
    return {key: 100 * (ratio[key] - 1) for key in ("median", "min", "max")}


def verdicts(taken):
    """What pair.md's targets say of the medians."""
    found = figures(taken)
    said = []
    rows = [(row, KILLS) for row in TITLES] + [("partition", PARTITION)]
    for row, wanted in rows:
        for figure, title, _, first, later, more in wanted:
            entry = found.get(f"{row} {figure}", {}).get(OURS)
            if entry and first is not None:
                said.append({
                    "row": row, "figure": figure, "title": title, "entry": entry, "target": first,
                    "met": samples.verdict(entry["median"], first, more), "laterTarget": later,
                    "laterMet": samples.verdict(entry["median"], later, more),
                })  # fmt: skip
    cost = more_cpu(taken)
    if cost:
        said.append({
            "row": "cost", "figure": "moreCpuPercent", "title": "more CPU with a partner, %",
            "entry": cost, "target": MORE_CPU_PERCENT, "met": cost["median"] <= MORE_CPU_PERCENT,
        })  # fmt: skip
    return said


def markdown(facts, taken, rounds, disturbed):
    found = figures(taken)
    parts = heading("A pair of Fish", facts, rounds, disturbed)
    for row, title in TITLES.items():
        lines = [
            [name, *(cell(found[f"{row} {figure}"].get(subject), form) for subject in ORDER),
             *(judgement(found[f"{row} {figure}"][OURS]["median"], target, more)
               for target in (first, later))]
            for figure, name, form, first, later, more in KILLS if f"{row} {figure}" in found]
        if lines:
            parts += ["", table([title, *ORDER, "target", "later target"], lines)]
    lines = [
        [name, cell(found[f"partition {figure}"][OURS], form),
         judgement(found[f"partition {figure}"][OURS]["median"], first, more)]
        for figure, name, form, first, _, more in PARTITION if f"partition {figure}" in found]
    if lines:
        parts += ["", table(["nothing passes between the two", OURS, "target"], lines)]
    lines = [
        [name, *(cell(found[f"cost {figure}"].get(kind), form) for kind in ("alone", "paired")), "-"]
        for figure, name, form in COST if f"cost {figure}" in found]
    if lines:
        cost = more_cpu(taken)
        lines.append(["more CPU with a partner, %", "-", cell(cost, ".1f"),
                      judgement(cost["median"], MORE_CPU_PERCENT, False)])
        parts += ["", table(
            ["10,000 new connections/s", "without a partner", "with one", "target"], lines)]
    return "\n".join(parts)

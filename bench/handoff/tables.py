"""The results as tables for readers."""

from samples import table

# As endpoints see it, ms: first and later target, of 4,000 relays.
TARGETS = {"p99": (10, 2), "max": (50, 10)}
STAGES = ("spawn", "hello", "warm", "freeze", "copy", "switch", "commit")


def share(values, part):
    """The value that this part of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)] if ordered else 0.0


def pauses(sample, when):
    """How late the latest message of each busy relay was, in all upgrades, ms."""
    return [ms for one in sample["upgrades"] if one[when] for ms in one[when]["late"]]


def own(sample, when):
    return max((one[when]["own"]["max"] for one in sample["upgrades"] if one[when]), default=0.0)


def three(values):
    return " / ".join(f"{ms:.1f}" for ms in (share(values, 50), share(values, 99), max(values)))


def broken(sample):
    """Words lost, doubled or swapped, and connections that do not work any more."""
    end = sample["end"]
    return end["missingWords"], end["damaged"], sample["relays"] - end["kept"]


def of_stage(sample, stage):
    return [one["report"]["phasesMs"].get(stage, 0.0) for one in sample["upgrades"]]


def strangers(sample):
    """Processors that programs used which are not the benchmark's, at most in one upgrade."""
    return max(one.get("strangers", 0.0) for one in sample["upgrades"])


def committed(sample):
    """How many of the upgrades of Oxbow were, out of how many."""
    done = [one for one in sample["upgrades"] if one["report"]["outcome"] == "committed"]
    return f"{len(done)}/{len(sample['upgrades'])}"


def line(sample):
    during = pauses(sample, "during")
    text = f"{sample['subject']}: p50/p99/max {three(during)} ms, own {own(sample, 'during'):.1f}"
    if sample["subject"] == "oxbow":
        inside = [one["report"]["services"]["splicer"]["pauseMs"] for one in sample["upgrades"]]
        text += "; inside at most " + " / ".join(
            f"{max(pause[name] for pause in inside):.1f}" for name in ("p50", "p99", "max"))
        stages = " ".join(f"{s} {max(of_stage(sample, s)):.0f}" for s in STAGES)
        text += f"; at most {stages}; committed {committed(sample)}"
    text += f"; strangers {strangers(sample):.2f}"
    missing, damaged, connections = broken(sample)
    return text + f"; lost {missing} words, damaged {damaged}, connections {connections}"


def oxbow_row(sample):
    inside = [one["report"]["services"]["splicer"]["pauseMs"] for one in sample["upgrades"]]
    gone = [one["goneSeconds"] for one in sample["upgrades"]]
    return [
        f"{sample['relays']:,}", str(sample["busy"]), committed(sample),
        three(pauses(sample, "during")), three(pauses(sample, "quiet")),
        f"{own(sample, 'during'):.1f}",
        " / ".join(f"{max(one[name] for one in inside):.1f}" for name in ("p50", "p99", "max")),
        *(" - ".join(f"{ms:.0f}" for ms in (min(values), max(values)))
          for values in (of_stage(sample, stage) for stage in STAGES)),
        f"{strangers(sample):.2f}",
        "never" if None in gone else f"{max(gone) * 1000:.0f}",
        " / ".join(str(count) for count in broken(sample)),
    ]  # fmt: skip


def other_row(sample):
    one = sample["upgrades"][0]
    gone = one.get("goneSeconds")
    return [
        sample["subject"], f"{sample['relays']:,}", three(pauses(sample, "during")),
        f"{one['seconds'] * 1000:.0f}",
        "not while a connection lives" if gone is None else f"{gone:.2f} s",
        f"{sample['end']['kept']:,}",
    ]  # fmt: skip


def judged(value, limits, unit):
    words = [f"<= {limit} {unit}: {'met' if value <= limit else '**not met**'}" for limit in limits]
    return [f"{value:.1f} {unit}", *words, *[""] * (2 - len(words))]


def verdicts(samples):
    rows = []
    upgrades = [s for s in samples if s["subject"] == "oxbow" and s["kind"] == "upgrade"]
    if upgrades:
        most = max(upgrades, key=lambda s: s["relays"])
        late = pauses(most, "during")
        for name, value in (("p99", share(late, 99)), ("max", max(late))):
            title = f"pause of {most['relays']:,} relays, {name}"
            rows.append([title, *judged(value, TARGETS[name], "ms")])
        gone = [one["goneSeconds"] or 1e9 for s in upgrades for one in s["upgrades"]]
        rows.append(["predecessor gone after commit", *judged(max(gone) * 1000, [1000], "ms")])
        ready = [sum(one["report"]["phasesMs"][stage] for stage in ("spawn", "hello", "warm"))
                 for s in upgrades for one in s["upgrades"]]
        rows.append(["start to READY of the successor", *judged(max(ready), [1000], "ms")])
    for sample in samples:
        if sample["kind"] == "death":
            late = pauses(sample, "during")
            title = "latest message when the successor dies in the switch"
            rows.append([title, *judged(max(late), [50], "ms")])
        if sample["kind"] == "series":
            rows += series(sample)
    return rows


def series(sample):
    first, last = sample["upgrades"][1]["after"], sample["upgrades"][-1]["after"]
    count = len(sample["upgrades"])
    leaked = last["descriptors"] - first["descriptors"]
    resident = [one["after"]["residentMiB"] for one in sample["upgrades"]]
    missing, damaged, connections = broken(sample)
    return [
        [f"descriptors leaked by {count} upgrades", *judged(leaked, [0], "")],
        [f"words lost or damaged, connections lost by {count} upgrades",
         f"{missing}, {damaged}, {connections}", "0", ""],
        [f"resident after upgrade 1, {count // 2}, {count}",
         " / ".join(f"{resident[at]:.0f}" for at in (0, count // 2 - 1, -1)) + " MiB", "flat", ""],
    ]  # fmt: skip


def markdown(facts, samples):
    parts = ["# Upgrades with live relays", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    parts += ["- pause: the latest message of each busy relay, p50 / p99 / max, ms; stages: least"
              " and most, ms"]
    ours = [s for s in samples if s["subject"] == "oxbow" and s["kind"] == "upgrade"]
    if ours:
        head = ["relays", "busy", "committed", "pause", "without upgrade", "generator", "inside",
                *STAGES, "strangers", "gone", "lost / damaged / cut"]
        parts += ["", table(head, [oxbow_row(sample) for sample in ours])]
    rows = verdicts(samples)
    if rows:
        parts += ["", table(["", "measured", "target", "later target"], rows)]
    others = [s for s in samples if s["kind"] == "upgrade"]
    if others:
        head = ["", "relays", "pause", "new process ms", "old process gone after", "kept"]
        parts += ["", table(head, [other_row(sample) for sample in others])]
    return "\n".join(parts)

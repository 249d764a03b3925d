"""Samples of paired rounds: taken again while disturbed, and what their medians say."""

import os
import platform
import statistics
import subprocess

from meter import await_quiet

# User time of other programs per second of measuring; above it the measurement is made again.
STRANGERS_LIMIT = 0.04
ATTEMPTS = 5
# How long to wait for others to finish before it is made again.
PATIENCE_SECONDS = 20


class Samples:
    """samples[figure][subject] = [one per round]; a figure is a row and what was measured in it."""

    def __init__(self, say):
        self._say = say
        self.samples = {}
        self.disturbed = 0

    def measure(self, row, title, load):
        """Again while others use the processors; of all attempts the least disturbed counts."""
        best = None
        for _ in range(ATTEMPTS):
            figures = load()
            if best is None or figures["strangers"] < best["strangers"]:
                best = figures
            if best["strangers"] <= STRANGERS_LIMIT:
                break
            await_quiet(STRANGERS_LIMIT, PATIENCE_SECONDS)
        else:
            self.disturbed += 1
        self.keep(row, title, best)

    def keep(self, row, title, figures):
        shown = " ".join(f"{name}={value:.4g}" for name, value in figures.items())
        self._say(f"{row}: {title}: {shown}")
        for name, value in figures.items():
            self.samples.setdefault(f"{row} {name}", {}).setdefault(title, []).append(value)


def in_turn(subjects, number):
    """The order moves on by one with each round."""
    turn = number % len(subjects)
    return subjects[turn:] + subjects[:turn]


def machine(programs):
    """The facts that figures depend on; of each program the first line of what a command says."""

    def first_line(words):
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        except OSError:
            return "missing"
        return ((done.stdout + done.stderr).strip().splitlines() or ["?"])[0]

    model = "unknown"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    facts = {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release()}
    return {**facts, **{name: first_line(words) for name, words in programs.items()}}


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def undisturbed(samples, row, subject):
    """The rounds that count for a subject: all of them if every one was disturbed."""
    shares = samples.get(row + " strangers", {}).get(subject)
    if shares is None:
        return None
    good = [at for at, share in enumerate(shares) if share <= STRANGERS_LIMIT]
    return good or list(range(len(shares)))


def results(samples):
    """By figure and subject: least, median, greatest of the rounds that count."""
    figures = {}
    for figure, by_subject in samples.items():
        row = figure.rpartition(" ")[0]
        of_figure = figures.setdefault(figure, {})
        for subject, values in by_subject.items():
            rounds = undisturbed(samples, row, subject) or range(len(values))
            of_figure[subject] = summary([values[at] for at in rounds])
            of_figure[subject]["rounds"] = len(rounds)
    return figures


def ratio(samples, figure, subject, beside):
    """Of two figures of the same round, over the rounds that count for both; None without."""
    by_subject = samples.get(figure, {})
    ours, theirs = by_subject.get(subject), by_subject.get(beside)
    if not ours or not theirs or not all(theirs) or len(ours) != len(theirs):
        return None
    row = figure.rpartition(" ")[0]
    good = undisturbed(samples, row, subject) or range(len(ours))
    its = undisturbed(samples, row, beside) or range(len(ours))
    both = [at for at in good if at in its] or range(len(ours))
    entry = summary([ours[at] / theirs[at] for at in both])
    entry["rounds"] = len(both)
    return entry


def verdict(value, target, more):
    if target is None or value is None:
        return None
    return value >= target if more else value <= target


def cell(entry, form):
    if entry is None:
        return "-"
    low, high = format(entry["min"], form), format(entry["max"], form)
    return f"{format(entry['median'], form)} ({low}-{high})"


def judgement(value, target, more):
    met = verdict(value, target, more)
    if met is None:
        return "-"
    return f"{'>=' if more else '<='} {target:,}: {'met' if met else '**not met**'}"


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def heading(title, facts, rounds, disturbed):
    parts = [f"# {title}", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    parts += [f"- rounds: {rounds}; median (min-max); ratios are medians of each round's ratio"]
    if disturbed:
        parts.append(f"- **other programs used the processors during {disturbed} measurements;"
                     " they count only where there are no others**")
    return parts

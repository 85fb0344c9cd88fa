"""What afl-fuzz writes about itself: plot_data every few seconds, fuzzer_stats once
a minute and at its end.

engines.py and campaign_engines.py are the readers.  Nothing here starts anything.
"""

import os

PLOT = {"relative_time": "seconds", "total_execs": "execs",
        "execs_per_sec": "execs_per_s", "edges_found": "edges",
        "corpus_count": "corpus"}
STATS = {"run_time": "seconds", "execs_done": "execs",
         "execs_per_sec": "execs_per_s", "edges_found": "edges",
         "corpus_count": "corpus"}


def number(text):
    """afl-fuzz writes "inf" and "nan" in its first moments, and a line may be
    torn: no progress then."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0


def plotted(path):
    """The last whole line, by the names in the first."""
    try:
        with open(path, encoding="ascii", errors="replace") as text:
            lines = text.read().split("\n")[:-1]
    except FileNotFoundError:
        return {}
    if len(lines) < 2 or not lines[0].startswith("#"):
        return {}
    row = dict(zip([n.strip() for n in lines[0].lstrip("# ").split(",")],
                   [v.strip() for v in lines[-1].split(",")]))
    return {ours: number(row[theirs])
            for theirs, ours in PLOT.items() if theirs in row}


def stats_of(path):
    figures = {}
    try:
        with open(path, encoding="ascii", errors="replace") as text:
            for line in text:
                key, _, value = line.partition(":")
                if key.strip() in STATS:
                    figures[STATS[key.strip()]] = number(value)
                elif key.strip() == "stability":
                    figures["stability"] = value.strip()
    except FileNotFoundError:
        return {}
    return figures


def instance(where):
    """What the instance of this folder has done, and in how many seconds: of the
    two files the one that has counted further."""
    plot = plotted(os.path.join(where, "plot_data"))
    stats = stats_of(os.path.join(where, "fuzzer_stats"))
    figures = max(plot, stats, key=lambda f: f.get("execs", 0))
    if "stability" in stats:
        figures["stability"] = stats["stability"]
    return figures


def together(wheres):
    """The sums of instances side by side.  A rate is executions by the seconds
    that they were counted in, not by ours: a figure that is a minute old is
    right for its minute."""
    total = {"execs": 0, "execs_per_s": 0, "edges": 0, "corpus": 0}
    rate = 0.0
    for where in wheres:
        figures = instance(where)
        execs = figures.get("execs", 0)
        total["execs"] += execs
        rate += execs / max(1, figures.get("seconds", 0))
        for name in ("edges", "corpus"):
            total[name] = max(total[name], figures.get(name, 0))
        if "stability" in figures:
            total["stability"] = figures["stability"]
    total["execs_per_s"] = int(rate)
    return total

"""Two ways to serve the same disk, beside each other: rows, ratios, tables.

A pair is (one backend, the other, what both do).  Both run one after the other
in every round, so that a ratio is taken within a round, and the median of those
is shown: it holds where the figures themselves do not.
"""

import statistics

from . import cases


def rows(case, which, placements, queues):
    """Both rows of every pair, in the order in which the table shows them."""
    return [
        cases.Row(case, backend, count, 32, placement)
        for one, other, _ in which
        for placement in placements
        for count in queues
        for backend in (one, other)
    ]


def ratio(other, one, key):
    """Median over the rounds of one figure divided by its peer."""
    both = zip(other[f"{key}_rounds"], one[f"{key}_rounds"])
    quotients = [a / b for a, b in both if b]
    return statistics.median(quotients) if quotients else None


def cells(one, other):
    """Queues; speed of both, ratio; CPU per I/O of both, ratio."""
    return (
        str(one["queues"]),
        *(f"{row['iops'] / 1e3:.1f}" for row in (one, other)),
        f"{ratio(other, one, 'iops'):.2f}",
        *(f"{row['cpu_us_per_io']:.3f}" for row in (one, other)),
        f"{ratio(other, one, 'cpu_us_per_io'):.2f}",
    )


def matched(found, which):
    """[(title, [(one, other), ...])] from the rows of a run."""
    by_key = {
        (r["case"], r["backend"], r["placement"], r["queues"]): r for r in found
    }
    titled = {}
    for (case, backend, placement, queues), one in by_key.items():
        for mine, theirs, title in which:
            other = by_key.get((case, theirs, placement, queues))
            if backend == mine and other:
                what = f"{case}, {title}, {placement}"
                titled.setdefault(what, []).append((one, other))
    return list(titled.items())


def tables(document, which, how, grid):
    """Lines; how is (headings, cells of a pair), grid lays them out."""
    headings, cells_of = how
    lines = []
    for title, both in matched(document["rows"], which):
        lines += ["", title]
        lines += grid([headings] + [cells_of(*pair) for pair in both])
    return lines

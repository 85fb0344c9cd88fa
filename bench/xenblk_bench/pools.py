"""What queues keep: each its own pool and cache, or the device's under a lock.

The second design exists for this comparison only (bench/shared_pool.c, linked
into xenblk-worker-shared).  Rows of both run beside each other in every round;
a ratio is the median of what the rounds say, not of what they say apart.
"""

import re
import statistics

from . import cases

SHARED = "xenblk-shared"
PAIRS = (
    ("xenblk", SHARED, "grants kept"),
    ("xenblk-copy", f"{SHARED}-copy", "copied"),
)
IMAGES = ("null", "tmpfs")
HEADINGS = (
    "queues", "own k/s", "shared k/s", "shared/own",
    "own CPU us", "shared CPU us", "shared/own", "lock waited %",
)
NOTES = (
    "Own: pool of pages and cache of kept grants are the queue's. Shared: there is",
    "one of each for the device, behind a lock that is taken once for each page.",
    "32 requests in flight on each queue. Lock waited: how often it was found taken.",
    "CPU is the worker's, user and system, per I/O.",
)


def worker(backend):
    """The program that serves this backend's disk."""
    shared = backend.startswith(SHARED)
    return "xenblk-worker-shared" if shared else "xenblk-worker"


def locks(log):
    """What a worker with one lock says when its disk is detached."""
    found = re.search(r"worker-shared: locked (\d+) waited (\d+)", log)
    if not found or not int(found.group(1)):
        return {}
    return {"lock_waited": int(found.group(2)) / int(found.group(1))}


def rows(placements, quick):
    """Pairs of rows, in the order in which the table shows them."""
    if len(placements) > 1:
        placements = (*placements, cases.BOTH)
    found = []
    for image in IMAGES:
        for pair in PAIRS[: 1 if image != "null" else None]:
            for placement in placements:
                for queues in (1, 16) if quick else cases.QUEUES:
                    for backend in pair[:2]:
                        found.append(
                            cases.Row(image, backend, queues, 32, placement)
                        )
    return found


def ratio(shared, own, key):
    """Median over the rounds of one design's figure divided by the other's."""
    both = zip(shared[f"{key}_rounds"], own[f"{key}_rounds"])
    quotients = [a / b for a, b in both if b]
    return statistics.median(quotients) if quotients else None


def pairs(found):
    """(title, [(own, shared), ...]) for each table, from the rows of a run."""
    by_key = {
        (r["case"], r["backend"], r["placement"], r["queues"]): r for r in found
    }
    tables = {}
    for (case, backend, placement, queues), own in by_key.items():
        for mine, other, title in PAIRS:
            shared = by_key.get((case, other, placement, queues))
            if backend == mine and shared:
                what = f"{case}, {title}, {placement}"
                tables.setdefault(what, []).append((own, shared))
    return list(tables.items())


def _cells(own, shared):
    waited = shared.get("lock_waited")
    return (
        str(own["queues"]),
        *(f"{row['iops'] / 1e3:.1f}" for row in (own, shared)),
        f"{ratio(shared, own, 'iops'):.2f}",
        *(f"{row['cpu_us_per_io']:.3f}" for row in (own, shared)),
        f"{ratio(shared, own, 'cpu_us_per_io'):.2f}",
        "-" if waited is None else f"{waited * 100:.3f}",
    )


def text(document, grid):
    """The tables, as lines; grid lays cells out in columns."""
    lines = []
    for title, both in pairs(document["rows"]):
        lines += ["", title]
        lines += grid([HEADINGS] + [_cells(*pair) for pair in both])
    return [*lines, "", *NOTES]

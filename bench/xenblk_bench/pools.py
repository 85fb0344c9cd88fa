"""What queues keep: each its own pool and cache, or the device's under a lock.

The second design exists for this comparison only (bench/shared_pool.c, linked
into xenblk-worker-shared).  Rows of both run beside each other in every round;
a ratio is the median of what the rounds say, not of what they say apart.
"""

import re

from . import cases, pairs

SHARED = "xenblk-shared"
PAIRS = (
    ("xenblk", SHARED, "grants kept"),
    ("xenblk-copy", f"{SHARED}-copy", "copied"),
)
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
    queues = (1, 16) if quick else cases.QUEUES
    found = pairs.rows("null", PAIRS, placements, queues)
    return found + pairs.rows("tmpfs", PAIRS[:1], placements, queues)


def _cells(own, shared):
    waited = shared.get("lock_waited")
    return (
        *pairs.cells(own, shared),
        "-" if waited is None else f"{waited * 100:.3f}",
    )


def text(document, grid):
    """The tables, as lines; grid lays cells out in columns."""
    lines = pairs.tables(document, PAIRS, (HEADINGS, _cells), grid)
    return [*lines, "", *NOTES]

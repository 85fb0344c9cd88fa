"""This build beside another one: the same rows, served by either's programs.

For a change that must not cost anything, or is said to save something: two
builds measured one after the other differ by the machine's mood, by more than
most changes do.  Only xenblkd and xenblk-worker are the other build's; world,
guest and load are this one's.
"""

from . import cases, pairs

OTHER = "other"
SERVERS = ("xenblkd", "xenblk-worker")
PAIRS = (
    ("xenblk", OTHER, "grants kept"),
    ("xenblk-copy", f"{OTHER}-copy", "copied"),
)
HEADINGS = (
    "queues", "this k/s", "other k/s", "other/this",
    "this CPU us", "other CPU us", "other/this",
)
NOTES = (
    "Other: xenblkd and xenblk-worker of the other build, all else of this one.",
    "32 requests in flight on each queue. CPU is the worker's, user and system,",
    "per I/O.",
)


def rows(placements, quick):
    """Pairs of rows, in the order in which the table shows them."""
    queues = (1, 16) if quick else cases.QUEUES
    return pairs.rows("null", PAIRS, placements, queues)


def text(document, grid):
    """The tables, as lines; grid lays cells out in columns."""
    lines = pairs.tables(document, PAIRS, (HEADINGS, pairs.cells), grid)
    return [*lines, "", *NOTES]

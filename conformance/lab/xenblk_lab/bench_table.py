"""The figures of xenblk-lab bench as tables: for a terminal, a page, a document.

Takes rows in the form of xenblk-bench run --json: case, backend, queues, depth,
iops, cpu_us_per_io, with the spreads.  Knows which backend is compared with
which; measures nothing.
"""

from .text import grid

TITLES = {
    "randread": "4 KiB random read",
    "randwrite": "4 KiB random write",
    "read": "128 KiB sequential read",
    "write": "128 KiB sequential write",
}
PEERS = ("blkback", "qemu")
HEAD = (
    "backend", "queues", "depth", "I/O per s", "spread", "MB/s",
    "p50 ms", "p99 ms", "dom0 CPU ms/IO", "own CPU ms/IO",
    *(f"speed / {peer}" for peer in PEERS),
    *(f"CPU / {peer}" for peer in PEERS),
)


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _scaled(value, factor):
    return None if value is None else value * factor


class Figures:
    """The rows, to look up what a row is compared with."""

    def __init__(self, rows):
        self.rows = rows

    def peer(self, row, backend):
        """The row of that backend that did the same, or None."""
        keys = ("case", "queues", "depth", "block_bytes")
        for other in self.rows:
            if other["backend"] == backend and all(
                other.get(key) == row.get(key) for key in keys
            ):
                return other
        return None

    def ratio(self, row, backend, key):
        """The row's figure divided by its peer's; None if either is missing."""
        peer = self.peer(row, backend)
        if peer is None or peer is row or not peer.get(key) or not row.get(key):
            return None
        return row[key] / peer[key]


def _cells(figures, row):
    spread = row.get("iops_spread")
    return (
        row["backend"], str(row["queues"]), str(row["depth"]),
        _number(row["iops"], 0),
        f"{spread[0]:.0f}-{spread[1]:.0f}" if spread else "-",
        _number(_scaled(row["iops"], row["block_bytes"] / 1e6), 1),
        _number(_scaled(row.get("p50_us"), 1e-3), 2),
        _number(_scaled(row.get("p99_us"), 1e-3), 2),
        _number(_scaled(row.get("cpu_us_per_io"), 1e-3), 3),
        _number(_scaled(row.get("process_cpu_us_per_io"), 1e-3), 3),
        *(_number(figures.ratio(row, p, "iops"), 2) for p in PEERS),
        *(_number(figures.ratio(row, p, "cpu_us_per_io"), 2) for p in PEERS),
    )


def tables(document):
    """(title, head, lines) for each case that was measured."""
    rows = document.get("rows") or []
    figures = Figures(rows)
    for case, title in TITLES.items():
        lines = [_cells(figures, row) for row in rows if row["case"] == case]
        if lines:
            yield title, HEAD, lines


def text(document):
    """The figures for a terminal, as lines."""
    for title, head, lines in tables(document):
        yield from ("", title)
        yield from grid([head, *lines])
    skipped = document.get("skipped") or []
    if skipped:
        yield from ("", "Skipped", *_skipped(skipped))


def _skipped(entries):
    """One line per reason, with the rows that it concerns."""
    reasons = {}
    for entry in entries:
        reasons.setdefault(entry["reason"], []).append(entry["name"])
    for reason, names in reasons.items():
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        yield f"  {', '.join(names[:2])}{more}: {reason}"


def markdown(document):
    """The figures for doc/benchmarks.md, as lines."""
    for title, head, lines in tables(document):
        yield from (f"{title}:", "")
        yield "| " + " | ".join(head) + " |"
        yield "|" + "---|" * len(head)
        yield from ("| " + " | ".join(line) + " |" for line in lines)
        yield ""

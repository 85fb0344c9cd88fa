"""Which rows the bench has: a row is one case of one backend in one placement.

Pure: nothing here starts anything or looks at the machine.
"""

import dataclasses
import fnmatch

BLOCK = 4096
ONE_CPU = "one CPU"
ONE_EACH = "one CPU each"
BOTH = "two CPUs for both"

IMAGES = ("null", "ram", "cached", "tmpfs")
FILES = ("cached", "tmpfs")
QUEUES = (1, 4, 8, 16)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the result: what is measured, and where it runs."""

    case: str  # ring, null, ram, cached, tmpfs, grants, memory, idle ...
    backend: str  # xenblk, xenblk-copy, qemu, fio, ring-event ...
    queues: int = 1
    depth: int = 32  # per queue
    placement: str = ONE_CPU
    block_bytes: int = BLOCK

    @property
    def name(self):
        """What --case is compared with: null/xenblk/q4/d32/one-cpu."""
        return "/".join(
            (
                self.case,
                self.backend,
                f"q{self.queues}",
                f"d{self.depth}",
                self.placement.lower().replace(" ", "-"),
            )
        )


def _ring(placement):
    for depth in (1, 32):
        for backend in ("ring-event", "ring-spin"):
            yield Row("ring", backend, 1, depth, placement)
        if placement == ONE_CPU:
            yield Row("ring", "ring-single", 1, depth, placement)


def _image(image, placement, quick):
    ours = ("xenblk", "xenblk-copy")
    queues = (1, 4, 16) if quick else QUEUES
    for backend in ours:
        yield Row(image, backend, 1, 1, placement)
    # Copying is compared over all queues where nothing hides its price.
    for backend in ours if image == "null" and not quick else ours[:1]:
        for count in queues:
            yield Row(image, backend, count, 32, placement)
    if image != "null" or quick:
        yield Row(image, "xenblk-copy", 1, 32, placement)
    if image == "ram":
        return
    for depth in (1, 32):
        yield Row(image, "qemu", 1, depth, placement)
    if image in FILES and placement == ONE_CPU:
        for backend in ("fio", "fio-tuned"):
            for depth in (1, 32):
                yield Row(image, backend, 1, depth, placement)


def all_rows(placements, quick):
    """Every row, in the order in which the table shows them."""
    rows = []
    for placement in placements:
        rows += _ring(placement)
    for image in IMAGES:
        for placement in placements:
            rows += _image(image, placement, quick)
    rows.append(Row("grants", "simulator"))
    rows.append(Row("memory", "xenblk", 16, 32))
    rows.append(Row("idle", "xenblk", 16, 32))
    rows.append(Row("idle", "qemu", 1, 32))
    return rows


def chosen(rows, globs, backends):
    """The rows that --case and --backend leave; either may be empty."""

    def wanted(row):
        case = not globs or any(
            fnmatch.fnmatchcase(row.name, g) or fnmatch.fnmatchcase(row.case, g)
            for g in globs
        )
        return case and (not backends or row.backend in backends)

    return [row for row in rows if wanted(row)]

"""A polite guest, alone and beside others that are busy, or hostile.

Both have a null disk of the same daemon, so that they share nothing but what
any two guests share: the CPU of the backends, the daemon, the kernel.  All
backends have one CPU, all guests the other; beside a guest that only computes
the polite one shows what the second half of that costs by itself.
"""

import time

from . import backends, cases, clocks, pairs
from .guest import DOMID, Guest
from .peers import Failed

CASE = "neighbours"
ALONE = "alone"
NEIGHBOUR = 6
PROGRAMS = ("xenblkd", "xenblk-bench-load", "xenblk-bench-hostile", "xenblkctl")
POLITE = {"personality": "linux", "queues": 1, "depth": 8, "block": 4096}
BUSY = {"personality": "linux", "queues": 4, "depth": 32, "block": 4096}
IOPS = 10000  # where the neighbour's disk is limited
LIMITED = "-limited"
# The neighbour begins before the polite one is measured, and ends after it.
LEAD_S = 0.2

WHO = {
    ALONE: "nobody",
    "compute": "a guest that only computes",
    "busy": "a busy guest: 4 queues, 32 in flight on each",
    "refused": "malformed requests, 4 queues full of them",
    "grants": "requests for pages that nobody granted, likewise",
    "events": "an event storm on 4 queues, no request",
    "store": "a guest that writes its state to xenstore, without end",
    "reconnect": "a guest that connects and goes, without end",
}
WITH_LIMIT = ("busy", "refused", "grants", "events")
HEADINGS = (
    "beside", "k I/O /s", "of alone", "p50 us", "p99 us", "of alone",
    "its CPU %", "its k req/s", "daemon CPU %",
)
NOTES = (
    "The polite guest: 4 KiB random reads of a null disk, 8 in flight, 1 queue.",
    "Its neighbour's disk belongs to the same daemon. All guests share one CPU and",
    "all backends another (one CPU: all share it). Its CPU is that of the worker",
    f"that serves the neighbour, of one CPU. Limited: xenblkctl limit --iops {IOPS}.",
    "Of alone: medians of the ratios of the rounds.",
)


def rows(placements, quick):
    """A row per neighbour; alone first, since all others are compared with it."""
    names = list(WHO)
    names += [name + LIMITED for name in WITH_LIMIT]
    names.sort(key=lambda name: list(WHO).index(name.removesuffix(LIMITED)))
    if quick:
        names = [ALONE, "busy", "refused", "refused" + LIMITED, "events"]
    return [
        cases.Row(CASE, name, 1, POLITE["depth"], placements[-1])
        for name in names
    ]


def _neighbour(spec, daemon, polite):
    """(the neighbour's guest, its worker's processes), connected."""
    name = spec.backend.removesuffix(LIMITED)
    daemon.attach(spec, NEIGHBOUR)
    if name == "busy":
        guest = Guest(spec, BUSY, NEIGHBOUR)
    else:
        settings = {"mode": name, "queues": BUSY["queues"]}
        guest = Guest(spec, settings, NEIGHBOUR, "xenblk-bench-hostile")
    if spec.backend.endswith(LIMITED):
        daemon.limit(spec, NEIGHBOUR, IOPS)
    return guest, [pid for pid in daemon.disk_pids() if pid not in polite]


def _cpu(pids):
    """CPU time of those of the processes that still live."""
    total = 0
    for pid in pids:
        try:
            total += clocks.cpu_ns(pid)
        except OSError:
            continue
    return total


def _timed(spec, guest, pids):
    """(the polite guest's run, CPU seconds per second of each set of pids)."""
    before, start = [_cpu(p) for p in pids], time.monotonic()
    result = guest.run(spec.seconds)
    seconds = time.monotonic() - start
    after = [_cpu(p) for p in pids]
    return result, [(b - a) / 1e9 / seconds for a, b in zip(before, after)]


def _sample(result, used):
    disk, other, daemon = used
    requests = result["requests"]
    if not requests:
        raise Failed("no request was answered")
    return {
        "iops": requests / result["seconds"],
        "cpu_us_per_io": disk * result["seconds"] * 1e6 / requests,
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "p999_us": result["p999_us"],
        "neighbour_cpu": max(0.0, other),
        "daemon_cpu": daemon,
    }


def measure(spec):
    """One sample, within a world of the simulator."""
    daemon = backends.Xenblk(spec, DOMID)
    guest = Guest(spec, POLITE)
    disk, neighbour, pids = daemon.disk_pids(), None, []
    if spec.backend != ALONE:
        neighbour, pids = _neighbour(spec, daemon, disk)
    guest.run(spec.warm_up)
    length = spec.seconds + 2 * LEAD_S
    if neighbour:
        neighbour.begin(length)
        time.sleep(LEAD_S)
    sample = _sample(*_timed(spec, guest, (disk, pids, daemon.other_pids())))
    if neighbour:
        did = neighbour.finished(length)
        sample["neighbour_iops"] = did["requests"] / did["seconds"]
        neighbour.end()
    guest.end()
    return sample


def _cells(row, alone):
    def of_alone(key):
        value = pairs.ratio(row, alone, key) if alone else None
        return "-" if value is None else f"{value:.2f}"

    did = row.get("neighbour_iops")
    return (
        row["backend"],
        f"{row['iops'] / 1e3:.1f}",
        of_alone("iops"),
        f"{row['p50_us']:.0f}",
        f"{row['p99_us']:.0f}",
        of_alone("p99_us"),
        f"{row['neighbour_cpu'] * 100:.0f}",
        f"{did / 1e3:.1f}" if did else "-",
        f"{row['daemon_cpu'] * 100:.1f}",
    )


def text(document, grid):
    """The table, as lines; grid lays cells out in columns."""
    found = document["rows"]
    alone = next((row for row in found if row["backend"] == ALONE), None)
    lines = ["", f"A polite guest beside, {found[0]['placement']}"]
    lines += grid([HEADINGS] + [_cells(row, alone) for row in found])
    lines += [""]
    lines += grid([("beside", "")] + [(name, who) for name, who in WHO.items()])
    return [*lines, "", *NOTES]

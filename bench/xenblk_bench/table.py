"""The figures as text: a table per case, ratios to peers, goals."""

from . import cases

HEADINGS = (
    "backend",
    "queues",
    "depth",
    "k I/O /s",
    "CPU us/IO",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "calls/IO",
    "CPU/QEMU",
    "speed/ring",
    "CPU/fio",
)

TITLES = {
    "ring": "The bare ring: two threads, no data, no checks (the limit)",
    "null": "Null disk, 4 KiB random read",
    "ram": "RAM disk, 4 KiB random read",
    "cached": "File in the page cache, 4 KiB random read",
    "tmpfs": "File on tmpfs, 4 KiB random read",
    "grants": "Moving a page of 4 KiB to a guest: pages per call, k pages/s",
}


class Results:
    """Rows by what they are about, to look up what a row is compared with."""

    def __init__(self, rows):
        self.rows = rows

    def find(self, case, backend, like, **other):
        """The row of that case and backend that ran like this one did."""
        wanted = {
            "case": case,
            "backend": backend,
            "depth": like["depth"],
            "placement": like["placement"],
            "block_bytes": like["block_bytes"],
            **other,
        }
        for row in self.rows:
            if all(row[key] == value for key, value in wanted.items()):
                return row
        return None

    def ratio(self, row, peer, key):
        """row's figure divided by the peer's, None when either is missing."""
        if not peer or not row.get(key) or not peer.get(key):
            return None
        return row[key] / peer[key]


def ratios(results, row):
    """CPU over QEMU's, throughput over the bare ring's, CPU over fio's."""
    if not row["backend"].startswith("xenblk"):
        return (None, None, None)
    qemu = results.find(row["case"], "qemu", row)
    ring = results.find("ring", "ring-event", row)
    fio = results.find(row["case"], "fio", row, placement=cases.ONE_CPU)
    return (
        results.ratio(row, qemu, "cpu_us_per_io"),
        results.ratio(row, ring, "iops") if row["queues"] == 1 else None,
        results.ratio(row, fio, "cpu_us_per_io"),
    )


def _number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def _cells(results, row):
    iops = row["iops"]
    digits = 3 if (row["cpu_us_per_io"] or 0) < 0.1 else 2
    return (
        row["backend"],
        str(row["queues"]),
        str(row["depth"]),
        _number(iops / 1e3 if iops else None, 1),
        _number(row["cpu_us_per_io"], digits),
        _number(row["p50_us"], 1),
        _number(row["p99_us"], 1),
        _number(row["p999_us"], 1),
        _number(row["syscalls_per_io"], 3),
        *(_number(value, 2) for value in ratios(results, row)),
    )


def _grid(lines):
    """Columns under their headings; those that say nothing are left out."""
    used = [
        i
        for i in range(len(lines[0]))
        if not lines[0][i] or any(line[i] != "-" for line in lines[1:])
    ]
    lines = [[line[i] for i in used] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        first = line[0].ljust(widths[0])
        rest = (c.rjust(w) for c, w in zip(line[1:], widths[1:]))
        yield "  " + "  ".join((first, *rest)).rstrip()


def _case_lines(results, case, rows):
    for placement in (cases.ONE_CPU, cases.ONE_EACH):
        here = [row for row in rows if row["placement"] == placement]
        if not here:
            continue
        yield ""
        side = "" if case in ("grants",) else f", {placement}"
        yield f"{TITLES[case]}{side}"
        yield from _grid([HEADINGS] + [_cells(results, row) for row in here])


def _memory_lines(rows):
    for row in rows:
        if row["case"] != "memory":
            continue
        yield ""
        yield "Memory of one disk, 16 queues, rings of 16 pages (PSS)"
        for prefix, when in (("", "never used"), ("used_", "idle after load")):
            yield (
                f"  {when:16}  worker {row[prefix + 'memory_mib']:.2f} MiB "
                f"(of it guest pages {row[prefix + 'guest_pages_mib']:.2f}), "
                f"daemon {row[prefix + 'daemon_memory_mib']:.2f} MiB"
            )


def _idle_lines(rows):
    idle = [row for row in rows if row["case"] == "idle"]
    if idle:
        yield ""
        yield "A connected disk that nobody uses: all threads of its backend"
    for row in idle:
        yield (
            f"  {row['backend']:8} {row['queues']:2} queues  "
            f"{row['wakeups_per_minute']:8.1f} wake-ups per minute, "
            f"{row['idle_cpu_ms_per_minute']:.2f} ms of CPU per minute "
            f"(over {row['observed_s']:.0f} s; {row['first_wakeups']:.0f} "
            f"wake-ups in the {row['first_s']:.0f} s before)"
        )


def goals(rows):
    """(what, goal, measured, met) for each goal whose rows were measured."""
    results = Results(rows)
    found = []

    def add(what, goal, value, met):
        if value is not None:
            found.append((what, goal, value, met(value)))

    for row in rows:
        if row["backend"] != "xenblk" or row["case"] not in cases.IMAGES:
            continue
        if row["depth"] != 32 or row["queues"] != 1:
            continue
        where = f"{row['case']}, 1 queue, depth 32, {row['placement']}"
        qemu, ring, fio = ratios(results, row)
        if row["case"] == "null":
            cpu = row["cpu_us_per_io"]
            add(f"CPU us/IO: {where}", "<= 0.10", cpu, lambda v: v <= 0.10)
            add(f"CPU / QEMU: {where}", "<= 0.10", qemu, lambda v: v <= 0.1)
            add(f"speed / ring: {where}", ">= 0.60", ring, lambda v: v >= 0.6)
            calls = row["syscalls_per_io"]
            add(f"calls/IO: {where}", "<= 0.10", calls, lambda v: v <= 0.1)
        if row["case"] in cases.FILES:
            add(f"CPU / fio: {where}", "<= 1.30", fio, lambda v: v <= 1.3)
            add(f"CPU / QEMU: {where}", "<= 0.50", qemu, lambda v: v <= 0.5)
    for placement in (cases.ONE_CPU, cases.ONE_EACH):
        kept = _kept(rows, placement)
        what = f"16 queues / best: null, depth 32, {placement}"
        add(what, ">= 0.95", kept, lambda v: v >= 0.95)
    for row in rows:
        if row["case"] == "memory":
            mib = row["memory_mib"]
            add("memory MiB: 16 queues, idle", "<= 16", mib, lambda v: v <= 16)
        if row["case"] == "idle" and row["backend"] == "xenblk":
            woken = row["wakeups_per_minute"]
            add("wake-ups per minute, idle", "0", woken, lambda v: v < 0.5)
    return found


def _kept(rows, placement):
    """Throughput at 16 queues over the best at any number."""
    by_queues = {
        row["queues"]: row["iops"]
        for row in rows
        if row["case"] == "null"
        and row["backend"] == "xenblk"
        and row["depth"] == 32
        and row["placement"] == placement
    }
    if 16 not in by_queues or len(by_queues) < 2:
        return None
    return by_queues[16] / max(by_queues.values())


def _machine_lines(machine):
    yield (
        f"{machine['processor']}, {machine['cpus']} CPUs"
        f"{' (virtual)' if machine['virtual'] else ''}, "
        f"Linux {machine['kernel']}, {machine['distribution']}, "
        f"QEMU {machine['qemu']}, fio {machine['fio']}"
    )
    counter = machine["system_call_counter"]
    if counter != "perf":
        yield (
            "System calls: counted by strace, an upper bound; install linux-perf."
            if counter
            else "System calls were not counted: install linux-perf or strace."
        )
    if machine["load_at_start"] > 0.5:
        yield (
            f"The machine was busy at the start (load "
            f"{machine['load_at_start']}): take no figure of this run as final."
        )


def _skipped_lines(skipped):
    """One line per reason, with the rows that it concerns."""
    by_reason = {}
    for entry in skipped:
        by_reason.setdefault(entry["reason"], []).append(entry["name"])
    for reason, names in by_reason.items():
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        yield f"  {', '.join(names[:2])}{more}: {reason}"


def of(document, comparison):
    """The report of a comparison, whose module makes its tables."""
    lines = list(_machine_lines(document["machine"]))
    lines += comparison.text(document, _grid)
    if document["skipped"]:
        lines += ["", "Skipped", *_skipped_lines(document["skipped"])]
    return lines


def text(document):
    """The whole report, as lines."""
    rows = document["rows"]
    results = Results(rows)
    lines = list(_machine_lines(document["machine"]))
    for case in TITLES:
        here = [row for row in rows if row["case"] == case]
        lines += _case_lines(results, case, here)
    lines += _memory_lines(rows)
    lines += _idle_lines(rows)
    reached = goals(rows)
    if reached:
        lines += ["", "Goals"]
        lines += _grid(
            [("goal", "wanted", "measured", "")]
            + [
                (what, goal, f"{value:.3f}", "met" if met else "NOT MET")
                for what, goal, value, met in reached
            ]
        )
    if document["skipped"]:
        lines += ["", "Skipped"]
        lines += _skipped_lines(document["skipped"])
    lines += ["", *NOTES]
    return lines


NOTES = (
    "Depth is per queue.  CPU is the backend's (the process that serves the",
    "disk; for the ring its back thread), user and system.  One CPU: guest and",
    "backend share it; one CPU each: they have one each, all queues on that.",
    "The simulator flatters copies and events (a memcpy, an eventfd) and",
    "punishes mapping: compare rows of one run, not with figures of real Xen.",
)

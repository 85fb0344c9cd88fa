"""From single measurements to the rows of xenblk-lab bench: medians, spreads.

A sample is one run of fio in the guest, as dom0's bench.py wrote it: backend,
case, queues, depth, round, ios, iops, latencies, and the CPU time that dom0,
and the backend's own processes, used for it.  A row has the form of those of
xenblk-bench run --json.
"""

import statistics

BLOCKS = {"randread": 4096, "randwrite": 4096, "read": 128 << 10,
          "write": 128 << 10}
PLACEMENT = "real Xen in QEMU, one CPU"
KEY = ("case", "backend", "queues", "depth")
MEDIANS = ("iops", "cpu_us_per_io", "process_cpu_us_per_io", "p50_us", "p99_us",
           "p999_us")
SPREADS = ("iops", "cpu_us_per_io")


def name(sample):
    """CASE/BACKEND/qQUEUES/dDEPTH, as xenblk-bench names its rows."""
    return "{case}/{backend}/q{queues}/d{depth}".format(**sample)


def _figures(sample):
    """What one measurement says per I/O."""
    return sample | {
        "cpu_us_per_io": sample["dom0_cpu_us"] / sample["ios"],
        "process_cpu_us_per_io": sample["process_cpu_us"] / sample["ios"],
    }


def _row(samples):
    first = samples[0]
    row = {key: first[key] for key in KEY}
    row |= {"block_bytes": BLOCKS[first["case"]], "placement": PLACEMENT}
    for key in MEDIANS:
        values = [s[key] for s in samples if s.get(key) is not None]
        row[key] = statistics.median(values) if values else None
    for key in SPREADS:
        values = [s[key] for s in samples]
        row[f"{key}_spread"] = [min(values), max(values)]
    return row | {"syscalls_per_io": None, "repeats": len(samples)}


def rows(samples, plan):
    """A row per measured load, in the order of the plan."""
    groups = {}
    for sample in samples:
        if "error" not in sample:
            groups.setdefault(name(sample), []).append(_figures(sample))
    return [_row(groups[each]) for each in planned(plan) if each in groups]


def planned(plan):
    """The names of all rows that the plan asks for."""
    return [
        name({**load, "queues": queues, "backend": backend})
        for load in plan["loads"] for queues in plan["queues"]
        for backend in plan["backends"]
    ]


def skipped(samples, plan):
    """(name, reason) of each planned row without a measurement."""
    measured = {name(s) for s in samples if "error" not in s}
    reasons, whole = {}, {}
    for sample in samples:
        if "error" in sample and "case" in sample:
            reasons[name(sample)] = sample["error"]
            # It was left out after that: what it said then is why.
            whole[(sample["backend"], sample["queues"])] = sample["error"]
        elif "error" in sample:
            whole[sample.get("queues")] = sample["error"]
    found = []
    for each in planned(plan):
        if each in measured:
            continue
        _, backend, queues, _ = each.split("/")
        queues = int(queues[1:])
        reason = (reasons.get(each) or whole.get((backend, queues))
                  or whole.get(queues) or "the time was over before")
        found.append({"name": each, "reason": reason})
    return found


def lessons(rows_):
    """What the rows say in one line each: medians of ratios over all loads."""
    by_key = {tuple(row[k] for k in KEY): row for row in rows_}
    for ours, peer, figure, words in (
        ("xenblk", "blkback", "iops", "throughput"),
        ("xenblk", "qemu", "iops", "throughput"),
        ("xenblk", "blkback", "cpu_us_per_io", "dom0 CPU per I/O"),
        ("xenblk", "qemu", "cpu_us_per_io", "dom0 CPU per I/O"),
        ("xenblk", "xenblk-copy", "iops", "throughput"),
        ("xenblk", "xenblk-copy", "cpu_us_per_io", "dom0 CPU per I/O"),
    ):
        ratios = []
        for (case, backend, *rest), row in by_key.items():
            other = by_key.get((case, peer, *rest))
            if backend == ours and other and row[figure] and other[figure]:
                ratios.append(row[figure] / other[figure])
        if ratios:
            yield (
                f"{words}, {ours} / {peer}: {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} loads)"
            )

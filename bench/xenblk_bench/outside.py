"""Runs the rows: in turn, several times, each in a world of its own.

Interleaved, so that a slow minute of the machine hits every row alike; the
first round warms up caches and is dropped; a row's figures are medians.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

from . import against, cases, clocks, machine, neighbours, peers, pools
from .peers import Failed

TMPFS_PATH = "/dev/shm"
MEMORY_TYPES = ("tmpfs", "ramfs", "devtmpfs")
IMAGE_BYTES = 256 << 20


class Plan:
    """How long and how often; --quick makes all of it short."""

    def __init__(self, quick, seconds, repeats):
        self.seconds = seconds or (0.3 if quick else 1.0)
        self.repeats = repeats or (2 if quick else 4)
        self.warm_up = 0.1 if quick else 0.3
        self.count_seconds = 0.2
        self.idle = 2.0 if quick else 62.0
        self.settle = 2.5


def packages(row, tools):
    """The sentence why a row cannot run here, or None."""
    if row.backend.startswith("fio") and not tools.find("fio"):
        return "fio is not installed: install the package fio"
    if row.backend == "qemu" and not machine.qemu():
        return (
            f"{machine.QEMU} is not there: install the package qemu-system-xen"
        )
    if row.backend == "qemu" and not tools.find("xenstore-exists"):
        return "xenstore-exists is not there: install xenstore-utils"
    needed = {
        "ring": ["xenblk-bench-ring"],
        "grants": ["xenblk-bench-grants"],
        neighbours.CASE: list(neighbours.PROGRAMS),
    }
    names = needed.get(row.case, [])
    if row.case != "ring" and not row.backend.startswith("fio"):
        names = names + ["xenblk-sim"]
    if row.backend.startswith(("xenblk", against.OTHER)):
        names = names + ["xenblkd", pools.worker(row.backend)]
        names = names + ["xenblk-bench-load"]
    for name in names:
        if not tools.find(name, row.backend):
            where = " and ".join(filter(None, (tools.beside, tools.other)))
            return f"{name} is not built (looked in {where})"
    return None


class Bench:
    """One run of the whole bench."""

    def __init__(self, rows, plan, tools, cpus):
        self.rows, self.plan, self.tools, self.cpus = rows, plan, tools, cpus
        self.counter = clocks.system_call_counter()
        self.samples = {row: [] for row in rows}
        self.skipped = {}  # row: sentence
        self.failed = False  # a row that should have run did not

    def run(self, say):
        """All rounds; say() is told what is being done."""
        with tempfile.TemporaryDirectory(prefix="xenblk-bench.") as self.place:
            self.images = {}
            try:
                self._make_images(say)
                self._rounds(say)
            finally:
                for path in self.images.values():
                    os.unlink(path)

    def _make_images(self, say):
        """Files whose pages are all in memory: on tmpfs, and on a disk."""
        where = {"tmpfs": TMPFS_PATH, "cached": "/var/tmp"}
        for case in {row.case for row in self.rows if row.case in where}:
            memory = machine.file_system(where[case]) in MEMORY_TYPES
            if memory != (case == "tmpfs"):
                continue
            say(f"making a file of {IMAGE_BYTES >> 20} MiB in {where[case]}")
            fd, path = tempfile.mkstemp(
                prefix="xenblk-bench.", dir=where[case]
            )
            self.images[case] = path
            block = bytes(range(256)) * 4096
            with os.fdopen(fd, "wb") as f:
                for _ in range(IMAGE_BYTES // len(block)):
                    f.write(block)
                # Else it would be written back while we measure.
                f.flush()
                os.fsync(f.fileno())

    def _rounds(self, say):
        for row in self.rows:
            reason = packages(row, self.tools)
            if not reason and row.case in cases.FILES:
                if row.case not in self.images:
                    reason = NO_PLACE[row.case]
            if reason:
                self.skipped[row] = reason
        for turn in range(self.plan.repeats):
            for i, row in enumerate(self.rows):
                if row in self.skipped or turn and row.case in ONCE:
                    continue
                say(
                    f"round {turn + 1} of {self.plan.repeats}, "
                    f"row {i + 1} of {len(self.rows)}: {row.name}"
                )
                self._sample(row, turn, say)

    def _sample(self, row, turn, say):
        try:
            sample = self._measure(row, turn)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            self.skipped[row] = str(error)
            self.failed = True
            say(f"{row.name}: {error}")
            return
        self.samples[row].append(sample)

    def _measure(self, row, turn):
        seconds = self.plan.seconds
        # Once is enough for what does not depend on how fast the machine is.
        counter = self.counter if turn == self.plan.repeats - 1 else None
        if row.case == "ring":
            return peers.run_ring(row, self.tools, seconds, self.cpus)
        if row.backend.startswith("fio"):
            path = self.images[row.case]
            sample = peers.run_fio(row, path, seconds, self.cpus)
            if counter:
                sample["syscalls_per_io"] = peers.fio_system_calls(
                    row, path, counter, self.cpus
                )
            return sample
        return self._in_world(self._spec(row, counter))

    def _spec(self, row, counter):
        plan, tools = self.plan, self.tools
        front, back = self.cpus.sides(row.placement)
        names = ("xenblk-sim", "xenblkd", pools.worker(row.backend))
        names += ("xenblk-bench-load", "xenblk-bench-grants")
        names += neighbours.PROGRAMS
        return {
            "case": row.case,
            "backend": row.backend,
            "queues": row.queues,
            "depth": row.depth,
            "block_bytes": row.block_bytes,
            "back_cpus": back,
            "front_cpus": front,
            "seconds": plan.seconds,
            "warm_up": plan.warm_up,
            "count_seconds": plan.count_seconds,
            "idle": plan.idle,
            "settle": plan.settle,
            "counter": counter,
            "image": self.images.get(row.case),
            "place": self.place,
            "tools": {name: tools.find(name, row.backend) for name in names},
        }

    def _in_world(self, spec):
        """A new world, this program inside it, its answer."""
        limit = 60 + 4 * (spec["seconds"] + spec["settle"]) + 2 * spec["idle"]
        with open(os.path.join(self.place, "log"), "w+b") as log:
            process = subprocess.Popen(
                [spec["tools"]["xenblk-sim"], "run", "--"]
                + [sys.executable, os.path.abspath(sys.argv[0]), "inside"]
                + [json.dumps(spec)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            try:
                answer, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                raise Failed(
                    f"no answer within {limit:.0f} s{_last_words(log)}"
                ) from None
            finally:
                _end(process)
            return _judge(answer, log) | pools.locks(_text(log))

    def results(self):
        """The rows of the JSON output: medians over the rounds."""
        found = []
        for row in self.rows:
            samples = self.samples[row]
            if row.case == "grants":
                found += _grants_rows(row, samples)
            elif samples and row not in self.skipped:
                found.append(_summary(row, samples))
        return found


NO_PLACE = {
    "tmpfs": f"{TMPFS_PATH} is no tmpfs: mount one there",
    "cached": "/var/tmp is in memory itself: the case would repeat tmpfs",
}
ONCE = ("memory", "idle", "grants")


def _end(process):
    """SIGTERM lets xenblk-sim end its world; it does not take long."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _text(log):
    log.seek(0)
    return log.read().decode(errors="replace")


def _last_words(log):
    lines = _text(log).strip().splitlines()
    return f" ({'; '.join(lines[-2:])[:400]})" if lines else ""


def _judge(answer, log):
    lines = answer.strip().splitlines()
    if not lines:
        raise Failed(f"the world ended without an answer{_last_words(log)}")
    sample = json.loads(lines[-1])
    if "error" in sample:
        raise Failed(sample["error"] + _last_words(log))
    return sample


KEYS = ("iops", "cpu_us_per_io", "p50_us", "p99_us", "p999_us")
KEYS += ("syscalls_per_io",)


def _summary(row, samples):
    """One row of the JSON output."""
    kept = samples[1:] if len(samples) > 1 else samples
    result = {
        "case": row.case,
        "backend": row.backend,
        "queues": row.queues,
        "depth": row.depth,
        "block_bytes": row.block_bytes,
        "placement": row.placement,
    }
    keys = list(KEYS) + [k for k in kept[-1] if k not in KEYS]
    for key in keys:
        values = [s[key] for s in kept if s.get(key) is not None]
        if values and isinstance(values[0], bool):
            result[key] = values[0]
        else:
            result[key] = statistics.median(values) if values else None
    for key in ("iops", "cpu_us_per_io", "p99_us"):
        values = [s[key] for s in kept if s.get(key) is not None]
        result[f"{key}_spread"] = [min(values), max(values)] if values else None
        result[f"{key}_rounds"] = values
    result["repeats"] = len(kept)
    return result


def _grants_rows(row, samples):
    """A row per way of moving a page; "I/O" is one page there."""
    found = []
    for sample in samples:
        for way in sample["ways"]:
            result = _summary(row, [{}])
            result["backend"] = f"{way['way']} x{way['batch']}"
            result["depth"] = way["batch"]
            result["iops"] = way["pages"] / way["seconds"]
            result["cpu_us_per_io"] = way["cpu_us_per_page"]
            found.append(result)
    return found

"""xenblk-lab bench: the same disk, three backends, one boot of real Xen.

Makes the plan, has dom0 carry it out (dom0/bench.py), takes medians, prints.
The figures of an emulated machine are no figures: their ratios are what counts.
"""

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
import uuid
from pathlib import Path

from . import bench_rows, bench_table, dom0, initramfs, job, kernels, place
from . import machine as machines
from .errors import LabError
from .records import FILE, Reader
from .run import new_folder

OK, FAILED, NOTHING = 0, 1, 3
BACKENDS = ("xenblk", "xenblk-copy", "blkback", "qemu")
GUEST = "linux-6.1"
DISK_MIB = 32
GUEST_MIB = 512
GUEST_VCPUS = 4
# Beyond the plan's own time: three boots of a guest, a boot of dom0.
RESERVE_S = 180


def plan(arguments):
    """What dom0 is asked to do."""
    quick = arguments.quick
    cases = arguments.case or list(bench_rows.BLOCKS)
    depths = arguments.depth or [1, 32]
    loads = [{"case": case, "depth": depth} for case in cases for depth in depths]
    return {
        "backends": arguments.backend or list(BACKENDS),
        "loads": loads,
        "queues": arguments.queues or ([1] if quick else [1, 2, 4]),
        "rounds": arguments.repeats or (1 if quick else 5),
        "seconds": arguments.seconds or (0.3 if quick else 0.5),
        "disk_mib": DISK_MIB,
        "limit_s": max(60.0, arguments.minutes * 60 - RESERVE_S),
        "config": CONFIG,
    }


def images():
    """What the guest boots from: the usual kernel, an archive with fio in it."""
    kernel = kernels.kernel(GUEST)
    return {"bench": {"kernel": kernel.vmlinux, "ramdisk": initramfs.bench(kernel)}}


def carry_out(plan_, progress):
    """One machine for the whole bench; progress takes what dom0 says."""
    made, state, overlay = dom0.saved(say=say)
    place.need_memory(machines.MEMORY_MIB)
    folder, name = new_folder(), uuid.uuid4().hex
    with tempfile.TemporaryDirectory(dir=folder, prefix="disks-") as work:
        results = dom0.blank(Path(work) / "results", dom0.RESULTS_MIB)
        job.pack(Path(work) / "job",
                 {"run": name, "plan": [], "guests": {}, "bench": plan_})
        disks = {
            "root": (overlay, "qcow2", True),
            "guests": (job.guests_disk(images()), "raw", True),
            "job": (Path(work) / "job", "raw", False),
            "results": (results, "raw", False),
        }
        running = machines.Machine(made, disks, folder, state)
        running.start()
        try:
            _follow(running, Reader(results, name), progress, plan_["limit_s"])
        finally:
            running.stop()
    return folder


def _follow(running, reader, progress, limit):
    """Takes records until the machine ends, or is ended for its time is over."""
    end = time.monotonic() + limit + RESERVE_S
    while True:
        ended = running.ended()
        for kind, what in reader.new():
            if kind == FILE:
                _keep(running.folder, *what)
            else:
                progress.message(what)
        if ended:
            return
        if time.monotonic() > end:
            say(f"the machine did not end within {limit + RESERVE_S:.0f} s and was ended")
            return
        time.sleep(0.2)


def _keep(folder, name, data):
    """A file that dom0 sent; its name never leads out of the run's folder."""
    parts = [part for part in Path(name).parts if part not in ("/", "..")]
    target = folder.joinpath("dom0", *parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


# For xl; @...@ is filled in by dom0.
CONFIG = f"""
name = "@NAME@"
type = "pv"
kernel = "/guests/bench/kernel"
ramdisk = "/guests/bench/ramdisk"
memory = {GUEST_MIB}
vcpus = {GUEST_VCPUS}
extra = "console=hvc0 loglevel=4 mitigations=off rdinit=/init lab.queues=@QUEUES@"
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
disk = [@DISKS@]
"""


def machine(accelerator):
    """What the figures were measured on."""
    found = re.search(r"^model name\s*:\s*(.*)$", _text("/proc/cpuinfo"), re.M)
    return {
        "processor": found[1] if found else platform.machine(),
        "cpus": os.cpu_count(),
        "accelerator": accelerator,
        "guest": f"{GUEST}, {GUEST_VCPUS} virtual CPUs",
        "disk": f"brd in dom0, {DISK_MIB} MiB each",
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def _text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def document(progress, about, seconds):
    """The JSON document, from what dom0 said."""
    samples, plan_ = progress.samples, progress.plan
    return {
        "machine": about,
        "rows": bench_rows.rows(samples, plan_),
        "skipped": bench_rows.skipped(samples, plan_),
        "samples": samples,
        "ledgers": progress.ledgers,
        "seconds": round(seconds, 1),
    }


def text(results):
    """The document for people, as lines."""
    about = results["machine"]
    yield ", ".join(f"{key} {value}" for key, value in about.items())
    if about["load_at_start"] > 0.5:
        yield (f"The machine was busy at the start (load {about['load_at_start']}): "
               "take no figure of this run as final.")
    yield from bench_table.text(results)
    lessons = list(bench_rows.lessons(results["rows"]))
    if lessons:
        yield from ("", "Medians of ratios (smallest, largest)")
        yield from (f"  {line}" for line in lessons)
    yield from ("", *NOTES)


NOTES = (
    "An emulated machine with one CPU: figures are for ratios within a table.",
    "Depth is per queue.  dom0's CPU is what Xen counted, less what dom0 uses",
    "while nothing happens; own CPU is that of the backend's processes and kernel",
    "threads.  QEMU has one queue whatever the guest asks for.",
)


def say(words):
    print(f"xenblk-lab: {words}", file=sys.stderr, flush=True)


class Progress:
    """Takes dom0's messages as they come: keeps samples, tells of rounds."""

    def __init__(self, plan_):
        self.plan, self.samples, self.ledgers, self.seen = plan_, [], [], set()
        self.started = time.monotonic()

    def message(self, message):
        if "bench_guest" in message:
            guest = message["bench_guest"]
            self._tell(f"guest with {guest['queues']} queues is up after "
                       f"{guest['boot_s']} s; idle, dom0 uses "
                       f"{guest['idle'] * 100:.1f} % of a CPU")
        elif "bench" in message:
            self._sample(message["bench"])
        elif "trouble" in message:
            self._tell(message["trouble"])
        elif "ledger" in message:
            self.ledgers.append(message["ledger"])

    def _sample(self, sample):
        self.samples.append(sample)
        if "error" in sample:
            what = bench_rows.name(sample) if "case" in sample else "the bench"
            self._tell(f"{what}: {sample['error']}")
        turn = (sample.get("queues"), sample.get("round"))
        if turn not in self.seen and sample.get("round") is not None:
            self.seen.add(turn)
            self._tell(f"{turn[0]} queues, round {turn[1] + 1} of "
                       f"{self.plan['rounds']}")

    def _tell(self, words):
        say(f"{time.monotonic() - self.started:6.1f} s  {words}")


def show(arguments):
    """Print an earlier document again."""
    try:
        results = json.loads(_text(arguments.show))
        lines = list(bench_table.markdown(results) if arguments.markdown
                     else text(results))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{arguments.show} is no output of bench --json: {error!r}") from None
    print("\n".join(lines))
    return OK


def output(results, arguments):
    """Print in the form that was asked for; the exit status."""
    if arguments.json:
        json.dump(results, sys.stdout, indent=1)
        print()
    elif arguments.markdown:
        print("\n".join(bench_table.markdown(results)))
    else:
        print("\n".join(text(results)))
    if not results["rows"]:
        return NOTHING
    return FAILED if results["skipped"] else OK


def run(arguments):
    """xenblk-lab bench."""
    if arguments.show:
        return show(arguments)
    started, plan_ = time.monotonic(), plan(arguments)
    about = machine(machines.accelerator())
    progress = Progress(plan_)
    folder = carry_out(plan_, progress)
    results = document(progress, about, time.monotonic() - started)
    if results["skipped"]:
        say(f"not everything was measured; console and logs are in {folder}")
    return output(results, arguments)


def _positive(kind):
    def number(words):
        value = kind(words)
        if not 0 < value <= 1000:
            raise argparse.ArgumentTypeError(f"{words}: must be more than 0 and up to 1000")
        return value
    return number


def register(commands):
    """Adds the command to the parser's."""
    parser = commands.add_parser(
        "bench", help="fio in a guest: xenblkd, xen-blkback and QEMU in one boot",
        description="Runs fio in a guest on one disk each of xenblkd (with "
        "persistent grants, and without: xenblk-copy), Linux xen-blkback and "
        "QEMU, in turn, and prints medians and ratios.")
    parser.set_defaults(run=run)
    for option, choices, kind in (
        ("case", list(bench_rows.BLOCKS), str), ("backend", list(BACKENDS), str),
        ("queues", [1, 2, 4], int), ("depth", [1, 32], int),
    ):
        parser.add_argument(f"--{option}", action="append", type=kind, choices=choices,
                            help="only this (repeatable)")
    parser.add_argument("--repeats", type=_positive(int), metavar="N",
                        help="rounds (5; quick: 1)")
    parser.add_argument("--seconds", type=_positive(float), metavar="S",
                        help="length of one measurement (0.5; quick: 0.3)")
    parser.add_argument("--minutes", type=_positive(float), metavar="N", default=25,
                        help="end after so long, with what there is (25)")
    parser.add_argument("--quick", action="store_true",
                        help="one queue, one round: a first look")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--markdown", action="store_true",
                        help="tables as doc/benchmarks.md has them")
    parser.add_argument("--show", metavar="FILE",
                        help="print an earlier run --json again")

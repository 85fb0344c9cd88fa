"""One measurement, inside a world of the simulator that holds nothing else.

Started by outside.py as `xenblk-sim run -- xenblk-bench inside SPEC`; prints
one JSON object: a sample, or {"error": sentence}.  Whatever it leaves running
is ended with the world.
"""

import json
import os
import select
import subprocess
import sys
import time

from . import backends, clocks, neighbours
from .guest import CONNECT_S, DOMID, Guest
from .peers import Failed


class Spec:
    """What outside.py asks for."""

    def __init__(self, document):
        self.__dict__.update(document)

    def tool(self, name):
        return self.tools[name]


def _settings(spec):
    """The guest's options for a row."""
    settings = {
        "personality": "linux",
        "queues": spec.queues,
        "ring-order": 4 if spec.case == "memory" else 0,
        "persistent": "no" if spec.backend.endswith("-copy") else "yes",
        "depth": spec.depth,
        "block": spec.block_bytes,
    }
    return settings


def _used(pids):
    return {pid: clocks.cpu_ns(pid) for pid in pids}


def _load_sample(spec, guest, backend):
    if guest.connection["queues"] != spec.queues:
        raise Failed(
            f"the backend agreed to {guest.connection['queues']} queues, "
            f"not {spec.queues}"
        )
    disk, others = backend.disk_pids(), backend.other_pids()
    if spec.case == "ram":
        guest.fill()
    guest.run(spec.warm_up)
    before = _used(disk + others)
    result = guest.run(spec.seconds)
    after = _used(disk + others)
    requests = result["requests"]
    if not requests:
        raise Failed("no request was answered")

    def spent(pids):
        return sum(after[p] - before[p] for p in pids) / 1e3 / requests

    sample = {
        "iops": requests / result["seconds"],
        "cpu_us_per_io": spent(disk),
        "other_cpu_us_per_io": spent(others),
        "front_cpu_us_per_io": result["front_cpu_seconds"] * 1e6 / requests,
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "p999_us": result["p999_us"],
        "notified_per_io": result["notifies"] / requests,
        "persistent": guest.connection["persistent"],
    }
    if spec.counter:
        with clocks.SystemCalls(spec.counter, disk, spec.place) as calls:
            result = guest.run(spec.count_seconds)
        if calls.count is not None:
            sample["syscalls_per_io"] = calls.count / result["requests"]
    return sample


def _memory_sample(spec, guest, backend):
    """Connected and never used; then used, then left alone for a while."""

    def now(prefix):
        disk = [clocks.pss_kib(pid) for pid in backend.disk_pids()]
        other = [clocks.pss_kib(pid) for pid in backend.other_pids()]
        return {
            f"{prefix}memory_mib": sum(all_ for all_, _ in disk) / 1024,
            f"{prefix}guest_pages_mib": sum(own for _, own in disk) / 1024,
            f"{prefix}daemon_memory_mib": sum(all_ for all_, _ in other)
            / 1024,
        }

    sample = now("")
    guest.run(spec.seconds)
    time.sleep(spec.settle)
    return sample | now("used_")


def _idle_sample(spec, guest, backend):
    """Wake-ups of everything on the backend's side.

    The first window begins soon after the last request: what was kept for the
    guest is given back then, once.  The second is what lasts.
    """
    guest.run(spec.warm_up)
    time.sleep(spec.settle)
    pids = backend.disk_pids() + backend.other_pids()
    first, _, _ = _watch(pids, spec.idle)
    later, cpu_ns, minutes = _watch(pids, spec.idle / 2)
    return {
        "first_wakeups": first,
        "first_s": spec.settle + spec.idle,
        "wakeups_per_minute": later / minutes,
        "idle_cpu_ms_per_minute": cpu_ns / 1e6 / minutes,
        "observed_s": minutes * 60,
    }


def _watch(pids, seconds):
    """(wake-ups, CPU nanoseconds, minutes) of so many seconds."""
    start, cpu = time.monotonic(), sum(_used(pids).values())
    before = sum(clocks.switches(pid) for pid in pids)
    time.sleep(seconds)
    woken = sum(clocks.switches(pid) for pid in pids) - before
    spent = sum(_used(pids).values()) - cpu
    return woken, spent, (time.monotonic() - start) / 60


SAMPLERS = {"memory": _memory_sample, "idle": _idle_sample}


def _grants_samples(spec):
    """The prices of moving a page, by the program's own clock."""
    program = spec.tool("xenblk-bench-grants")
    guest = subprocess.Popen(
        [spec.tool("xenblk-sim"), "guest", str(DOMID), "--"]
        + [program, "--guest"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if not select.select([guest.stdout], [], [], CONNECT_S)[0]:
        raise Failed("the guest shared no pages in time")
    done = subprocess.run(
        [program, "--domid", str(DOMID), "--seconds", str(spec.seconds / 3)],
        input=guest.stdout.readline(),
        capture_output=True,
        timeout=spec.seconds * 2 + 30,
        preexec_fn=lambda: os.sched_setaffinity(0, set(spec.back_cpus)),
    )
    guest.stdin.close()
    guest.wait(CONNECT_S)
    if done.returncode:
        raise Failed(done.stderr.decode().strip())
    return {"ways": [json.loads(line) for line in done.stdout.splitlines()]}


def measure(spec):
    if spec.case == "grants":
        return _grants_samples(spec)
    if spec.case == neighbours.CASE:
        return neighbours.measure(spec)
    backend = backends.start(spec, DOMID)
    try:
        guest = Guest(spec, _settings(spec))
        sample = SAMPLERS.get(spec.case, _load_sample)(spec, guest, backend)
    except Failed as failure:
        raise Failed(backend.ended() or str(failure)) from failure
    guest.end()
    return sample


def main(text):
    """The hidden subcommand; the exit status says nothing, the object does."""
    try:
        answer = measure(Spec(json.loads(text)))
    except (Failed, OSError, subprocess.SubprocessError) as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)
    print(flush=True)
    return 0

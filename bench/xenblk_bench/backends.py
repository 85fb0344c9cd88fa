"""How each backend is started inside a world, and which processes it is.

A backend offers disk_pids() (the processes that serve this disk: what CPU per
I/O is about) and other_pids() (its processes that serve no disk), both only
meaningful once a guest is connected.
"""

import os
import subprocess
import time

from . import clocks, machine, pools
from .peers import Failed

VDEV = "xvda"
DEVID = 51712
START_S = 15
DISK_BYTES = 1 << 30


def _on_back_cpu(spec):
    return lambda: os.sched_setaffinity(0, set(spec.back_cpus))


def _sim(spec, *words):
    """A toolstack step of the simulator; fails with its own sentence."""
    done = subprocess.run(
        [spec.tool("xenblk-sim"), *words],
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    if done.returncode:
        raise Failed(done.stderr.strip() or f"xenblk-sim {words[0]} failed")


class Xenblk:
    """Our daemon: one process for all disks, one more for each."""

    def __init__(self, spec, domid):
        self.daemon = subprocess.Popen(
            [spec.tool("xenblkd"), *self.options(spec)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=_on_back_cpu(spec),
        )
        self.attach(spec, domid)

    def attach(self, spec, domid):
        """A disk for one more guest."""
        _sim(spec, "introduce", str(domid))
        _sim(spec, "attach", str(domid), VDEV, "--params", self.params(spec))

    def limit(self, spec, domid, iops):
        """xenblkctl limit on a guest's disk, while it runs."""
        done = subprocess.run(
            [spec.tool("xenblkctl"), "--socket", self.control(spec)]
            + ["limit", f"{domid}/{DEVID}", "--iops", str(iops)],
            capture_output=True, text=True, timeout=START_S,
        )
        if done.returncode:
            raise Failed(done.stderr.strip() or "xenblkctl limit failed")

    @staticmethod
    def control(spec):
        return os.path.join(spec.place, "control")

    @classmethod
    def options(cls, spec):
        return (
            ["--foreground", "--max-queues", "16"]
            + ["--log-level", "warning", "--direct", "off"]
            + ["--worker", spec.tool(pools.worker(spec.backend))]
            + ["--control", cls.control(spec)]
        )

    @staticmethod
    def params(spec):
        if spec.image:
            return f"file:{spec.image}"
        return "ram:256M" if spec.case == "ram" else "null:1G"

    def ended(self):
        """A sentence when it is not there any more."""
        status = self.daemon.poll()
        return None if status is None else f"xenblkd ended with {status}"

    def disk_pids(self):
        found = clocks.children(self.daemon.pid)
        if not found:
            raise Failed("xenblkd has no worker for the connected disk")
        return found

    def other_pids(self):
        return [self.daemon.pid]


class Qemu:
    """QEMU's xen-disk: a process for the guest, an I/O thread for the disk."""

    def __init__(self, spec, domid):
        _sim(spec, "introduce", str(domid))
        self.process = subprocess.Popen(
            [machine.QEMU, "-xen-domid", str(domid), "-xen-attach"]
            + ["-name", f"dom{domid}", "-machine", "xenpv", "-nographic"]
            + ["-vga", "none", "-nodefaults", "-monitor", "none"]
            + ["-serial", "none", "-m", "64"]
            + ["-object", "iothread,id=io0", "-blockdev", self.drive(spec)]
            + ["-device", f"xen-disk,drive=n0,vdev={VDEV},iothread=io0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=_on_back_cpu(spec),
        )
        self._wait_for_directory(domid)

    @staticmethod
    def drive(spec):
        if spec.image:
            return (
                f"driver=file,node-name=n0,filename={spec.image},aio=threads"
            )
        return f"driver=null-co,node-name=n0,size={DISK_BYTES},read-zeroes=off"

    def _wait_for_directory(self, domid):
        """QEMU is its own toolstack: until it wrote the guest's directory."""
        node = f"/local/domain/{domid}/device/vbd/{DEVID}/state"
        deadline = time.monotonic() + START_S
        while subprocess.run(["xenstore-exists", node]).returncode:
            if self.ended():
                raise Failed(self.ended())
            if time.monotonic() > deadline:
                raise Failed(f"QEMU wrote no {node} within {START_S} s")
            time.sleep(0.02)

    def ended(self):
        status = self.process.poll()
        return None if status is None else f"QEMU ended with {status}"

    def disk_pids(self):
        return [self.process.pid]

    def other_pids(self):
        return []


def start(spec, domid):
    """Start the row's backend with its disk offered to the guest."""
    return (Qemu if spec.backend == "qemu" else Xenblk)(spec, domid)

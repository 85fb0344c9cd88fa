"""What the figures were measured on, and which CPUs are used for what."""

import os
import platform
import re
import shutil
import subprocess

from . import against, cases


class Cpus:
    """Which CPU the guest's side and the backend's side run on."""

    def __init__(self):
        self.usable = sorted(os.sched_getaffinity(0))

    @property
    def placements(self):
        if len(self.usable) == 1:
            return (cases.ONE_CPU,)
        return (cases.ONE_CPU, cases.ONE_EACH)

    def sides(self, placement):
        """(CPUs of the guest's side, CPUs of the backend's side)."""
        if placement == cases.BOTH:
            two = [self.usable[0], self.usable[-1]]
            return two, two
        return [self.front(placement)], [self.back(placement)]

    def back(self, _placement):
        return self.usable[-1]

    def front(self, placement):
        """The same CPU, or the first: interrupts are the guest's burden then."""
        return self.usable[-1 if placement == cases.ONE_CPU else 0]


class Tools:
    """Where the programs are: beside xenblk-bench, else on the path; what
    serves the disk of another build, there and nowhere else."""

    def __init__(self, beside, other=None):
        self.beside, self.other = beside, other

    def find(self, name, backend=""):
        """The path of a program for this backend's rows, or None."""
        if backend.startswith(against.OTHER) and name in against.SERVERS:
            theirs = os.path.join(self.other, name)
            return theirs if os.access(theirs, os.X_OK) else None
        own = os.path.join(self.beside, name)
        if os.access(own, os.X_OK):
            return own
        return shutil.which(name)


def _first(path, pattern):
    try:
        with open(path) as f:
            found = re.search(pattern, f.read(), re.M)
    except OSError:
        return None
    return found.group(1).strip() if found else None


def _version(command, pattern=r"(\d+\.\d+[.\d]*)"):
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else None


def file_system(path):
    """The type of the file system at a directory, None if it is not there."""
    if not os.path.isdir(path):
        return None
    device, found = os.stat(path).st_dev, None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo") as f:
        for line in f:
            fields = line.split()
            if fields[2] == wanted:
                found = fields[fields.index("-") + 1]
    return found


QEMU = "/usr/libexec/xen-qemu-system-i386"


def qemu():
    """Debian's QEMU for Xen, or None."""
    return QEMU if os.access(QEMU, os.X_OK) else None


def describe(cpus, counter):
    """The machine as the JSON output has it."""
    return {
        "processor": _first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$")
        or platform.machine(),
        "cpus": len(cpus.usable),
        "virtual": bool(_first("/proc/cpuinfo", r"^flags.*\b(hypervisor)\b")),
        "memory_mib": int(_first("/proc/meminfo", r"^MemTotal:\s+(\d+)") or 0)
        // 1024,
        "kernel": platform.release(),
        "distribution": _first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load_at_start": round(os.getloadavg()[0], 2),
        "qemu": _version([qemu(), "--version"]) if qemu() else None,
        "fio": _version(["fio", "--version"]),
        "system_call_counter": counter,
    }

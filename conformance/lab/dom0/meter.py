"""CPU time, to the nanosecond: of dom0 as Xen counts it, of its processes.

Used by bench.py.  Xen's count holds everything that dom0 does for a disk: the
backend, the kernel under it, event channels, hypercalls.
"""

import contextlib
import glob
import os
import sys
import time

from shell import Broken

# Where Debian keeps Xen's own Python bindings.
sys.path.append("/usr/lib/xen-4.17/lib/python")


class Meter:
    """Asks the hypervisor and /proc."""

    def __init__(self):
        try:
            from xen.lowlevel import xc
            self._xc = xc.xc()
        except (ImportError, OSError, RuntimeError) as error:
            raise Broken(f"Xen's control library does not load: {error}") from None

    def domain_ns(self, domid=0):
        """CPU time of a domain since it began."""
        info = self._xc.domain_getinfo(domid, 1)
        if not info or info[0]["domid"] != domid:
            raise Broken(f"Xen does not know domain {domid}")
        return info[0]["cpu_time"]


def process_ns(pids):
    """CPU time of these processes, of threads that have ended as well."""
    total = 0
    for pid in pids:
        # The kernel's clock of a process: MAKE_PROCESS_CPUCLOCK(pid, SCHED).
        with contextlib.suppress(OSError):  # it has just ended
            total += time.clock_gettime_ns((~pid << 3) | 2)
    return total


def children(parent):
    """Process ids of the running children of a process."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.split("/")[2]))
    return found


def named(test):
    """Process ids of what has a name that passes a test; kernel threads too."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="utf-8", errors="replace") as comm:
                name = comm.read().strip()
        except OSError:
            continue
        if test(name):
            found.append(int(os.path.dirname(path).rsplit("/", 1)[1]))
    return sorted(found)

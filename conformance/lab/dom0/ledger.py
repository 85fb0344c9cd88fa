"""What dom0 holds for guests, counted before and after: nothing may stay.

Asks the hypervisor itself (xl debug-keys), xenstore and /proc.  Used by
session.py around every session and after every check that ends a guest.
"""

import glob
import os
import re

from backends import processes
from shell import children, run, status

KINDS = ("vbd", "qdisk", "vbd3", "xenblk")


def _debug(key):
    run("xl", "dmesg", "-c")
    run("xl", "debug-keys", key)
    return run("xl", "dmesg")


def grants():
    """Grants of guests that somebody maps, as the hypervisor lists them."""
    count, domain = 0, 0
    for line in _debug("g").splitlines():
        head = re.search(r"grant-table for remote d(\d+)", line)
        if head:
            domain = int(head.group(1))
        # "[ref] localdom mfn pin": a pin is there while it is mapped
        elif domain and re.search(r"\[\s*(0x)?[0-9a-f]+\]\s+\d+ 0x[0-9a-f]+ 0x[0-9a-f]+", line):
            count += 1
    return count


def ports():
    """Event channels of dom0 that lead to another domain."""
    count, ours = 0, False
    for line in _debug("e").splitlines():
        head = re.search(r"Polling vCPUs|Event channel information for domain (\d+)", line)
        if head and head.group(1) is not None:
            ours = head.group(1) == "0"
        # s=3: interdomain, with d=DOMAIN
        elif ours and re.search(r"\bs=3\b.*\bd=[1-9]", line):
            count += 1
    return count


def zombies():
    """Domains that are dead but held up by somebody's mappings."""
    return sum(1 for line in run("xl", "list").splitlines()[1:]
               if line.startswith("(null)") or re.search(r"\s[-rbpsc]{5}d\s", line))


def nodes():
    """Disks in dom0's backend directories."""
    base = "/local/domain/0/backend"
    return sum(len(children(f"{base}/{kind}/{domid}"))
               for kind in KINDS for domid in children(f"{base}/{kind}"))


def descriptors(name):
    """Open files of the running programs of a name."""
    total = 0
    for pid in processes(name):
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue  # it has just ended
    return total


def loops():
    return len(status("losetup", "-n", "-l")[1].splitlines())


def take():
    """Everything at this moment, as a dict of counts."""
    return {
        "grants mapped": grants(),
        "ports to guests": ports(),
        "zombie domains": zombies(),
        "disks in xenstore": nodes(),
        "workers": len(processes("xenblk-worker")),
        "descriptors of xenblkd": descriptors("xenblkd"),
        "mappings of xenblkd": _mappings("xenblkd"),
        "in-flight tables": len(glob.glob("/run/xenblk/*inflight*")),
        "loop devices": loops(),
        "complaints of dom0's kernel": complaints(),
        "QEMUs": len(processes("qemu-system-i386")) + len(processes("xen-qemu-system")),
    }


def complaints():
    """Warnings and worse that dom0's kernel has printed: what it never mends by itself."""
    return len(re.findall(r"WARNING: CPU|BUG: |Oops|general protection|Bad rss-counter",
                          status("dmesg")[1]))


def _mappings(name):
    total = 0
    for pid in processes(name):
        try:
            with open(f"/proc/{pid}/maps") as maps:
                total += sum(1 for _ in maps)
        except OSError:
            continue
    return total


def grown(before, after):
    """What there is more of than before, as a sentence; empty if nothing."""
    # A heap that grew by a mapping or two is no leak of a guest's page.
    slack = {"mappings of xenblkd": 8}
    more = [f"{name}: {before[name]} before, {count} after"
            for name, count in after.items()
            if count > before[name] + slack.get(name, 0)]
    return "; ".join(more)

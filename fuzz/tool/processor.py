"""Seconds of the processor, which mean the same on a machine that is busy otherwise.

compare.py and speed.py ask while their engines run.  Reads /proc, starts nothing.
"""

import glob
import os

TICK = os.sysconf("SC_CLK_TCK")


def processes():
    """{pid: (parent, seconds with those of its ended children)}"""
    found = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="ascii", errors="replace") as text:
                fields = text.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        found[int(path.split("/")[2])] = (
            int(fields[1]), sum(map(int, fields[11:15])) / TICK)
    return found


def cpu_of_tree(pid):
    """Of an engine and everything that it has started."""
    all_of_them = processes()
    total, family = 0.0, {pid}
    grown = True
    while grown:
        more = {p for p, (parent, _) in all_of_them.items()
                if parent in family} - family
        family |= more
        grown = bool(more)
    for p in family & set(all_of_them):
        total += all_of_them[p][1]
    return total

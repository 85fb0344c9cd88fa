"""Seconds of the processor, which mean the same on a machine that is busy otherwise.

bank_hunt.py, compare.py and speed.py ask while their engines run; orphans.py asks
who is whose child.  Reads /proc, starts nothing.
"""

import os

TICK = os.sysconf("SC_CLK_TCK")


def stat_of(pid):
    """(state, parent, seconds with those of its ended children); None when it
    is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii",
                  errors="replace") as text:
            fields = text.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), sum(map(int, fields[11:15])) / TICK


def processes():
    """{pid: (parent, seconds with those of its ended children)}"""
    found = {}
    for name in os.listdir("/proc"):
        stat = stat_of(name) if name.isdigit() else None
        if stat:  # else it has ended meanwhile
            found[int(name)] = stat[1:]
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

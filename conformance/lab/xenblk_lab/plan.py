"""Which guests meet which backends, and what is checked then.

A plan is a list of sessions {guest, backend, checks}; run.py carries it out and
every planned check becomes a row, whatever happens.
"""

from .errors import LabError

BACKENDS = ("xenblkd", "blkback", "qemu")
SMOKE = ("negotiate", "io-4", "filesystem", "flush", "kill-worker", "destroy",
         "audit", "leaks")
FULL = ("negotiate", "io-4", "direct", "filesystem", "flush", "indirect", "discard", "resize", "barrier",
        "idle", "kill-worker", "kill-daemon", "reattach", "io-2", "io-1", "two-disks", "reboot", "crash", "destroy", "audit", "leaks")
GRUB = ("boot", "negotiate", "destroy", "audit", "leaks")
# What needs no agent: the 32-bit guests have none.
SILENT = tuple(check for check in GRUB if check != "negotiate")
# One guest is enough for what is a matter of dom0 and the backend.
SUITES = ("conformance",)
HOST = ("rival", "contract", "probe")
SUITE_GUEST = "linux-6.1"


def checks_for(guest, backend, kind):
    """The checks of one cell of the matrix, in order."""
    if few(kind):
        return list(few(kind))
    found = list(FULL)
    if guest == SUITE_GUEST:
        found[-1:-1] = SUITES
        if backend == "xenblkd":
            found[-1:-1] = HOST
    return found


def few(kind):
    """The checks of a kind that cannot be asked everything; nothing for others."""
    return {"grub64": GRUB, "grub32": SILENT, "pvh32": SILENT}.get(kind, ())


def matrix(guests, backends, checks=()):
    """Every guest on every backend.  @guests: {name: kind}; @checks: only these."""
    for name in backends:
        if name not in BACKENDS:
            raise LabError(f"there is no backend {name}; there are {', '.join(BACKENDS)}")
    sessions = []
    for guest, kind in guests.items():
        for backend in backends:
            names = checks_for(guest, backend, kind)
            if checks:
                names = [name for name in checks if name in names or name in HOST]
            if names:
                sessions.append({"guest": guest, "backend": backend, "checks": names})
    return sessions


def expand(words, kind):
    """Names of checks as given: "smoke", "full" (also "all") or single ones."""
    names = []
    for word in words:
        if word == "smoke":
            names += few(kind) or SMOKE
        elif word in ("full", "all"):
            names += few(kind) or FULL
        else:
            names.append(word)
    return list(dict.fromkeys(names))


def rows(sessions):
    """(guest, backend, check) of everything that is planned."""
    return [(s["guest"], s["backend"], check) for s in sessions for check in s["checks"]]

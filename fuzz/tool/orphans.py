"""What an engine leaves behind: afl-fuzz ends without the persistent child of its
CmpLog server, which then stays, stopped, with all that it holds: memory, a
number, and the lock of its campaign.

Knows processes by the program that they run: those of a campaign are copies in
its own folder."""

import os
import signal

from processor import stat_of


def program_of(pid):
    """The path of what it runs; "" where that cannot be known."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def is_orphan(pid, folder):
    """Stopped, and nobody is there who would let it go on."""
    if not program_of(pid).startswith(folder + os.sep):
        return False
    stat = stat_of(pid)
    if stat is None or stat[0] != "T":
        return False
    parent = program_of(stat[1])
    return not parent.startswith(folder + os.sep) and \
        os.path.basename(parent) != "afl-fuzz"


def end_orphans(folder):
    """Ends those whose program lies below a folder; how many there were."""
    folder, ended = os.path.realpath(folder), 0
    for name in os.listdir("/proc"):
        if name.isdigit() and is_orphan(int(name), folder):
            try:
                os.kill(int(name), signal.SIGKILL)
                ended += 1
            except ProcessLookupError:
                pass  # it has ended meanwhile
    return ended

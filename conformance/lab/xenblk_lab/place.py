"""Where the laboratory keeps things: the cache, the sources, the programs.

One folder holds everything that is made (images, downloads, runs), so that it
can be shared between checkouts and thrown away as a whole.
"""

import os
import shutil
from pathlib import Path

from .errors import LabError

LAB = Path(__file__).resolve().parent.parent
TOP = LAB.parent.parent


def cache():
    """The folder of everything made: XENBLK_LAB_CACHE, or build/lab here."""
    path = Path(os.environ.get("XENBLK_LAB_CACHE") or TOP / "build" / "lab")
    path.mkdir(parents=True, exist_ok=True)
    return path


def programs():
    """The folder of our programs: the release build."""
    return TOP / "build" / "release" / "bin"


def program(name):
    """One of our programs; LabError if it was not built."""
    path = programs() / name
    if not path.exists():
        raise LabError(
            f"{path.relative_to(TOP)} is missing: build it first with "
            "cmake --preset release && cmake --build --preset release"
        )
    return path


def mirror():
    """Where Debian's packages come from (XENBLK_LAB_MIRROR's first word)."""
    words = os.environ.get("XENBLK_LAB_MIRROR", "").split()
    return words[0] if words else "http://deb.debian.org/debian"


def need_disk(folder, mib, what):
    """LabError unless so much is free where the folder is."""
    free = shutil.disk_usage(folder).free >> 20
    if free < mib:
        raise LabError(
            f"{what} needs {mib} MiB in {folder}, and {free} MiB are free: make room, "
            "or name another folder with XENBLK_LAB_CACHE"
        )


def memory_mib():
    """Memory that a new process may use without swapping."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) >> 10
    return 0


def need_memory(mib):
    """LabError unless a machine of this size fits."""
    free = memory_mib()
    if free < mib + 256:
        raise LabError(
            f"a machine of {mib} MiB needs {mib + 256} MiB of memory, and {free} MiB are "
            "available: end something else"
        )


def keep(folder, name):
    """Copies a run's logs where they stay; the new folder."""
    target = cache() / "failed" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in folder.glob("*.log"):
        shutil.copy(path, target / path.name)
    return target

"""Where the laboratory keeps things: the cache, the sources, the programs.

One folder holds everything that is made (images, downloads, runs), so that it
can be shared between checkouts and thrown away as a whole.
"""

import os
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

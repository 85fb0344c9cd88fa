"""The shared libraries that a program needs, and theirs, to the last.

Read out of the ELF files themselves (nothing is run, as ldd would), looked up
where this system's loader looks.  initramfs.py bundles them.
"""

import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

from .errors import LabError

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
# glibc opens this one by name when a thread is cancelled.
CANCEL_LIBRARY = "libgcc_s.so.1"
MACHINES = {3: "i386", 62: "x86-64"}


class Elf(NamedTuple):
    """What loading a file takes."""

    machine: str
    interpreter: str
    needed: tuple
    folders: tuple = ()  # where it has its own libraries looked for first


class _Reader:
    """The program headers of an ELF file of either class."""

    def __init__(self, data, what):
        if len(data) < 52 or data[:4] != b"\x7fELF":
            raise LabError(f"{what} is not an ELF program.")
        self.data = data
        self.wide = data[4] == 2
        self.machine = struct.unpack_from("<H", data, 18)[0]
        if self.wide:
            offset, size, count = (
                struct.unpack_from("<Q", data, 32)[0],
                *struct.unpack_from("<HH", data, 54),
            )
        else:
            offset, size, count = (
                struct.unpack_from("<I", data, 28)[0],
                *struct.unpack_from("<HH", data, 42),
            )
        self.segments = [self._segment(offset + i * size) for i in range(count)]

    def _segment(self, at):
        """(type, file offset, address, bytes)"""
        if self.wide:
            kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", self.data, at)
        else:
            kind, offset, address, _, size = struct.unpack_from("<IIIII", self.data, at)
        return kind, offset, address, size

    def content(self, kind):
        """The bytes of the first segment of a kind."""
        for found, offset, _, size in self.segments:
            if found == kind:
                return self.data[offset:offset + size]
        return b""

    def at(self, address):
        """The file offset of an address."""
        for kind, offset, start, size in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return offset + address - start
        return 0

    def dynamic(self):
        """(tag, value) of each dynamic entry."""
        return struct.iter_unpack("<qQ" if self.wide else "<iI", self._whole())

    def _whole(self):
        data, unit = self.content(PT_DYNAMIC), 16 if self.wide else 8
        return data[:len(data) // unit * unit]

    def text(self, offset):
        """The string that begins at a file offset."""
        return self.data[offset:self.data.index(b"\0", offset)].decode()


def read(path):
    """What a program or a library asks of the loader."""
    reader = _Reader(Path(path).read_bytes(), path)
    entries = list(reader.dynamic())
    strings = next((reader.at(v) for tag, v in entries if tag == DT_STRTAB), 0)
    needed = tuple(reader.text(strings + v) for tag, v in entries if tag == DT_NEEDED)
    folders = tuple(
        folder.replace("$ORIGIN", str(Path(path).parent))
        for tag, v in entries if tag in (DT_RPATH, DT_RUNPATH)
        for folder in reader.text(strings + v).split(":"))
    interpreter = reader.content(PT_INTERP).rstrip(b"\0").decode()
    return Elf(MACHINES.get(reader.machine, "other"), interpreter, needed, folders)


def parse_cache(text):
    """{(library, machine): path} out of what ldconfig -p prints."""
    table = {}
    for line in text.splitlines():
        m = re.match(r"\s*(\S+) \(([^)]*)\) => (\S+)", line)
        if m:
            machine = "x86-64" if "x86-64" in m[2] else "i386"
            table.setdefault((m[1], machine), Path(m[3]))
    return table


def system_cache():
    """The libraries that this system's loader knows."""
    done = subprocess.run(
        ["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False
    )
    return parse_cache(done.stdout)


def _find(name, elf, cache):
    """Where the loader would find a library that this file needs, or None."""
    own = (Path(folder) / name for folder in elf.folders)
    return next((path for path in own if path.exists()), None) or cache.get(
        (name, elf.machine))


def _asked_later(elf):
    return (CANCEL_LIBRARY,) if "libc.so.6" in elf.needed else ()


def closure(programs, cache=None, without=None):
    """{place in the root: file here} of all that these programs load.

    @without: {library: file} of those that a file stands in for, or None for
    those that are left out.
    """
    cache = system_cache() if cache is None else cache
    without = without or {}
    found, todo = {}, [(Path(p), Path(p)) for p in programs]
    while todo:
        path, asker = todo.pop()
        elf = read(path)
        if elf.interpreter and elf.interpreter not in found:
            found[elf.interpreter] = Path(elf.interpreter).resolve()
        for name in (*elf.needed, *_asked_later(elf)):
            if name in without:
                if without[name]:
                    found[f"/lib/x86_64-linux-gnu/{name}"] = without[name]
                continue
            place = _find(name, elf, cache)
            if place is None:
                raise LabError(
                    f"{asker.name} needs {name}, which this system's loader "
                    "does not know: is its package installed (ci/setup lab)?"
                )
            if str(place) not in found:
                found[str(place)] = place.resolve()
                todo.append((place.resolve(), asker))
    return found

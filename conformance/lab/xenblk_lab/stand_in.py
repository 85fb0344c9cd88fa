"""A library that has the names of others, and does nothing.

Debian's fio is linked to the clients of Ceph and Gluster, to RDMA and more: 80
MB that a guest would unpack at every boot and link at every start, a second
each under emulation, and never call.  make() builds one small library with the
functions that a program asks of those and of nothing else; initramfs.py puts it
under each of their names.  Whoever calls one of its functions is ended.
"""

import subprocess
import tempfile
from pathlib import Path

from . import libraries
from .errors import LabError

# What fio 3.33 links to and the bench does not use.
OF_FIO = (
    "librados.so.2", "librbd.so.1", "libgfapi.so.0", "libnbd.so.0",
    "libibverbs.so.1", "librdmacm.so.1", "libpmemblk.so.1", "libpmem.so.1",
)


def _symbols(path, which):
    """{name: version} of a dynamic symbol table, "" for no version: of
    --undefined-only or of --defined-only."""
    lines = _run(["nm", "--dynamic", "--format=posix", which, str(path)])
    found = {}
    for line in lines.splitlines():
        words = line.split()
        # A weak one may stay undefined.
        if len(words) > 1 and words[1] not in ("w", "v"):
            name, _, version = words[0].partition("@")
            found[name] = version.strip("@")
    return found


def _run(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed: run ci/setup build") from None
    if done.returncode:
        raise LabError(f"{' '.join(command)[:200]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def names(program, spared):
    """{name: version} of the functions that only the spared libraries have."""
    asked = _symbols(program, "--undefined-only")
    kept = libraries.closure([program], without=dict.fromkeys(spared))
    for path in kept.values():
        for name in _symbols(path, "--defined-only"):
            asked.pop(name, None)
    return asked


def versions(found):
    """The linker's version script: the loader asks for names with versions."""
    nodes = {}
    for name, version in sorted(found.items()):
        nodes.setdefault(version, []).append(name)
    return "".join(
        f"{version} {{ global: {'; '.join(group)}; }};\n"
        for version, group in nodes.items() if version)


def make(program, spared, path):
    """Builds the library for a program; the path."""
    found = names(program, spared)
    with tempfile.TemporaryDirectory(prefix="xenblk-lab.") as work:
        source, script = Path(work) / "stand_in.c", Path(work) / "versions"
        source.write_text("".join(
            f"void {name}(void);\nvoid {name}(void) {{ __builtin_trap(); }}\n"
            for name in sorted(found)))
        script.write_text(versions(found))
        _run(["gcc", "-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-O1",
              "-Wl,--build-id=none", f"-Wl,--version-script={script}",
              "-o", str(path), str(source)])
    return path

"""Guest and dom0 kernels out of Debian's packages.

kernel(NAME) makes CACHE/kernels/NAME once: vmlinux (the ELF image: Xen spends
ten seconds on unpacking a bzImage), modules/ (the tree of one version) and
version (package and version, for reports).  Made beside and moved into place,
so that an interrupted run leaves nothing half made.
"""

import lzma
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import NamedTuple

from . import packages, place
from .errors import LabError


class Source(NamedTuple):
    """Where a kernel comes from: the newest package of this name."""

    release: str
    pattern: str
    architecture: str = "amd64"


KERNELS = {
    "linux-5.10": Source("bullseye", r"linux-image-5\.10\.\d+-\d+-amd64"),
    "linux-6.1": Source("bookworm", r"linux-image-6\.1\.\d+-\d+-amd64"),
    "linux-6.12": Source("trixie", r"linux-image-6\.12\.[\d+a-z]+-amd64"),
    "linux-newest": Source("sid", r"linux-image-\d[\d.+a-z]*(-\d+)?-amd64"),
    # The last 32-bit kernel of Debian: for PVH, and the x86_32 protocol.
    "linux-6.1-pae": Source(
        "bookworm", r"linux-image-6\.1\.\d+-\d+-686-pae", "i386"
    ),
}

# Offsets in the boot header (Documentation/arch/x86/boot.rst).
SETUP_SECTORS, PAYLOAD = 0x1F1, 0x248


class Kernel(NamedTuple):
    """A kernel that is there."""

    name: str
    folder: Path
    version: str

    @property
    def vmlinux(self):
        """The ELF image."""
        return self.folder / "vmlinux"

    @property
    def modules(self):
        """The tree of modules: what /lib/modules/RELEASE would hold."""
        return self.folder / "modules"

    @property
    def release(self):
        """What uname -r will say."""
        return (self.folder / "release").read_text().strip()


def _tool(command, data, what):
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise LabError(
            f"{what} is compressed with {command[0]}, and there is no such "
            "program: install it (ci/setup lab does)."
        ) from None
    # A payload is followed by its size: the tools complain of the trailing
    # bytes after all else is written.
    if not done.stdout:
        raise LabError(f"{what}: {command[0]} says: {done.stderr.decode().strip()}")
    return done.stdout


def decompress(data, what):
    """The bytes of an xz, lzma, gzip, zstd or lz4 stream; bytes after its
    end do not count."""
    if data.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data)
    if data.startswith(b"\x5d\0\0"):
        return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(data)
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return _tool(["zstd", "-dqc"], data, what)
    if data.startswith(b"\x02\x21\x4c\x18"):
        return _tool(["lz4", "-dqc"], data, what)
    raise LabError(
        f"{what} begins with {data[:6].hex()}: that is no compression that "
        "the laboratory knows (xz, lzma, gzip, zstd, lz4)."
    )


def elf_of(image, what):
    """The ELF kernel in a bzImage; an image that is ELF already is itself."""
    if image.startswith(b"\x7fELF"):
        return image
    if image[0x202:0x206] != b"HdrS":
        raise LabError(f"{what} is neither ELF nor a bzImage.")
    setup = (image[SETUP_SECTORS] or 4) + 1
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    start = setup * 512 + offset
    kernel = decompress(image[start:start + length], what)
    if not kernel.startswith(b"\x7fELF"):
        raise LabError(f"{what} unpacks to something that is not ELF.")
    return kernel


def _fetch(name, source):
    """The packages that together hold this kernel, the named one first."""
    root = packages.Root(source.release)
    with root.lock():
        root.update()
        names = root.names(source.pattern)
    if source.architecture != "amd64":
        names = [f"{n}:{source.architecture}" for n in names]
    first = packages.fetch_first(source.release, names, f"kernel {name}")
    # From 7.2 on the image package is empty: its parts hold the kernel.
    parts = [part for part in root.depends(first.name, first.version)
             if re.match(r"linux-(binary|modules)-", part)]
    return [first] + [
        packages.fetch_first(source.release, [part], f"kernel {name}")
        for part in parts
    ]


def _find(folder, patterns, what):
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    raise LabError(f"{what} holds none of {', '.join(patterns)}.")


def _make(name, source, folder):
    fetched = _fetch(name, source)
    what = f"{fetched[0].name} {fetched[0].version}"
    tree = folder / "tree"
    for package in fetched:
        packages.unpack(package, tree)
    image = _find(tree, ["boot/vmlinu[xz]-*", "usr/lib/modules/*/vmlinu[xz]"], what)
    modules = _find(tree, ["usr/lib/modules/*/kernel", "lib/modules/*/kernel"], what)
    (folder / "vmlinux").write_bytes(elf_of(image.read_bytes(), what))
    modules = modules.parent
    modules.rename(folder / "modules")
    (folder / "release").write_text(modules.name + "\n")
    shutil.rmtree(tree)
    (folder / "version").write_text(what + "\n")


def version_file(name):
    """Where package and version of a kernel stand once it is made."""
    return place.cache() / "kernels" / name / "version"


def kernel(name):
    """The kernel of this name, made if it is not there yet."""
    if name not in KERNELS:
        raise LabError(
            f"'{name}' is not a kernel that the laboratory knows; there are "
            f"{', '.join(KERNELS)}."
        )
    folder = place.cache() / "kernels" / name
    if not version_file(name).exists():
        fresh = folder.with_name(f".{name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            _make(name, KERNELS[name], fresh)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return Kernel(name, folder, version_file(name).read_text().strip())

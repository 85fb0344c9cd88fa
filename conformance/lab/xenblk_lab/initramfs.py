"""The guests' root: one cpio archive that a guest runs from memory.

busybox, the modules of its kernel, the tools of ext4, and our own programs with
the libraries that they were linked to.  Rebuilt only if one of its inputs
changed.  guests.py says which guest gets which archive; guest/init is what runs
in it first.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from . import libraries, packages, place, stand_in
from .cpio import Archive
from .errors import LabError
from .modules import Tree, index

PROGRAMS = (
    "xenblk-lab-agent", "xenblk-lab-disk", "xenblk-front", "sim-contract",
)
# Taken along when the build has it.
OPTIONAL_PROGRAMS = ("xenblk-conform-xen",)
SYSTEM_PROGRAMS = ("mkfs.ext4", "e2fsck")
# Loaded by guest/init: the devices that our programs open, the disk's driver,
# a file system to put on it.
MODULES = (
    "xen-blkfront", "ext4", "xen-evtchn", "xen-gntalloc", "xen-gntdev", "xenfs",
)
# ext4 asks the crypto layer for crc32c by name; newer kernels have it built in.
OPTIONAL_MODULES = ("crc32c_generic", "crc32c_cryptoapi", "libcrc32c")
# Of the commands that busybox has, these are ours or the real ones.
NOT_APPLETS = {"busybox", "poweroff", "reboot", "halt", *SYSTEM_PROGRAMS}


def busybox(architecture="amd64"):
    """Debian's static busybox."""
    name = "busybox-static"
    if architecture != "amd64":
        name += f":{architecture}"
    package = packages.fetch(packages.HOME_RELEASE, name)
    folder = place.cache() / "busybox" / f"{architecture}-{package.version}"
    path = folder / "bin" / "busybox"
    if not path.exists():
        packages.unpack(package, folder)
    return path


def applets(program):
    """The commands that a busybox has."""
    done = subprocess.run([program, "--list"], capture_output=True, text=True, check=False)
    names = re.findall(r"^\S+$", done.stdout, re.M)
    if "sh" not in names:
        raise LabError(f"{program} --list names no sh: {done.stderr.strip()}")
    return names


def system_program(name):
    """A program of this system, from its package."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise LabError(
            f"{name} is not on this system; the guests get a copy of it: "
            "'ci/setup lab' installs it."
        )
    return Path(path)


def _add_skeleton(archive):
    for folder in ("dev", "proc", "sys", "tmp", "run", "mnt", "etc", "root"):
        archive.folder(folder)
    archive.character("dev/console", 5, 1)
    archive.character("dev/null", 1, 3, 0o666)
    archive.character("dev/hvc0", 229, 0)
    archive.link("etc/mtab", "/proc/mounts")
    for path in sorted((place.LAB / "guest").glob("init*")):
        archive.file(path.name, path.read_bytes(), 0o755)


def _add_busybox(archive, program):
    archive.file("bin/busybox", program.read_bytes(), 0o755)
    for name in applets(program):
        if name not in NOT_APPLETS:
            archive.link(f"bin/{name}", "busybox")
    # What the kernel runs when the toolstack asks: there is no init that
    # busybox's own commands would signal.
    for name in ("poweroff", "reboot", "halt"):
        text = f"#!/bin/sh\nexec /bin/busybox {name} -f\n"
        archive.file(f"sbin/{name}", text.encode(), 0o755)
    archive.link("sbin/modprobe", "../bin/busybox")


def _add_modules(archive, kernel):
    tree = Tree(kernel.modules)
    names = tree.order(MODULES, OPTIONAL_MODULES)
    base = f"lib/modules/{kernel.release}"
    for name in names:
        archive.file(f"{base}/{name}.ko", tree.data(name))
    archive.file(f"{base}/modules.dep", index(tree, names).encode())


def _add_programs(archive, paths, without):
    for name, path in paths.items():
        archive.file(f"bin/{name}", path.read_bytes(), 0o755)
    for where, path in libraries.closure(paths.values(), without=without).items():
        archive.file(where, path.read_bytes(), 0o755)


def _key(kernel, paths):
    """A digest of all that the archive is made of."""
    digest = hashlib.sha256(kernel.version.encode())
    sources = sorted(Path(__file__).parent.glob("*.py"))
    sources += sorted((place.LAB / "guest").glob("init*"))
    for path in [*sources, *paths.values()]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build(kernel, programs=PROGRAMS, extra=(), name="guest", without=None):
    """The archive NAME for a kernel: its path.

    @programs are ours, from the release build; @extra are names of programs of
    this system beyond those of ext4; @without as libraries.closure() has it.
    """
    paths = {p: place.program(p) for p in programs}
    paths |= {p: place.program(p) for p in OPTIONAL_PROGRAMS
              if (place.programs() / p).exists()}
    paths |= {p: system_program(p) for p in (*SYSTEM_PROGRAMS, *extra)}
    folder = place.cache() / "initramfs"
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / f"{kernel.name}-{name}.cpio"
    stamp = image.with_suffix(".key")
    key = _key(kernel, paths)
    if image.exists() and stamp.exists() and stamp.read_text() == key:
        return image
    archive = Archive()
    _add_skeleton(archive)
    _add_busybox(archive, busybox())
    _add_modules(archive, kernel)
    _add_programs(archive, paths, without)
    fresh = image.with_suffix(".new")
    fresh.write_bytes(archive.bytes())
    fresh.rename(image)
    stamp.write_text(key)
    return image


def narrow(kernel):
    """The archive of a 32-bit kernel: no agent, and of our programs the one that
    needs no Xen library, linked for 32 bits without shared ones."""
    folder = place.cache() / "initramfs"
    folder.mkdir(parents=True, exist_ok=True)
    image, program = folder / f"{kernel.name}-guest.cpio", folder / "xenblk-lab-disk-32"
    sources = [place.LAB / "guest" / f"{name}.c" for name in ("disk_main", "load", "sector")]
    headers = place.programs().parent / "include"
    command = [
        "gcc", "-m32", "-static", "-O2", "-std=gnu17", "-D_GNU_SOURCE",
        "-D_FILE_OFFSET_BITS=64", f"-I{place.TOP}", f"-I{headers}", "-pthread",
        "-Wl,--build-id=none", "-o", str(program), *map(str, sources),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError("gcc is not installed: run ci/setup build (as root)") from None
    if done.returncode:
        raise LabError(
            "xenblk-lab-disk could not be built for 32 bits (is gcc-multilib there? "
            f"ci/setup lab installs it): {done.stderr.strip()[:300]}"
        )
    archive = Archive()
    _add_skeleton(archive)
    _add_busybox(archive, busybox("i386"))
    _add_modules(archive, kernel)
    archive.file("bin/xenblk-lab-disk", program.read_bytes(), 0o755)
    data = archive.bytes()
    # The same bytes are the same file: what is made of it need not be made anew.
    if not image.exists() or image.read_bytes() != data:
        fresh = image.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.rename(image)
    return image


def guest(kernel):
    """The archive that most guests run from."""
    return build(kernel)


def bench(kernel):
    """The same with fio, and with one library in place of 80 MB of others."""
    folder = place.cache() / "initramfs"
    folder.mkdir(parents=True, exist_ok=True)
    fio = system_program("fio")
    library = stand_in.make(fio, stand_in.OF_FIO, folder / "stand-in.so")
    return build(kernel, extra=("fio",), name="fio",
                 without=dict.fromkeys(stand_in.OF_FIO, library))

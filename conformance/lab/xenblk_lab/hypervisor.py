"""The hypervisors: Debian's Xen as it is, and one that runs 32-bit PV guests.

image(NAME) makes CACHE/xen/NAME once, an ELF file that QEMU boots as a multiboot
kernel.  "stock" is Debian's own; "pv32" is the same source package built with
CONFIG_PV32=y, which Debian has off and the 32-bit GRUB needs.
"""

import os
import shutil
import subprocess

from . import packages, place
from .errors import LabError
from .kernels import decompress

PACKAGE = "xen-hypervisor-4.17-amd64"
SOURCE = "xen"
OPTIONS = ("CONFIG_PV32=y", "CONFIG_SHADOW_PAGING=y")
# What it takes to build xen/ alone.
BUILD_TOOLS = ("gcc", "make", "flex", "bison", "python3", "ld", "dpkg-source")
BUILD_TIMEOUT_S = 1800


def _stock(folder):
    package = packages.fetch(packages.HOME_RELEASE, PACKAGE)
    tree = folder / "tree"
    packages.unpack(package, tree)
    found = sorted((tree / "boot").glob("xen-4.17-amd64.gz"))
    if not found:
        raise LabError(f"{PACKAGE} {package.version} holds no xen-4.17-amd64.gz.")
    image = decompress(found[0].read_bytes(), str(found[0]))
    return image, f"{PACKAGE} {package.version}"


def _run(command, folder, what, log):
    """One step of the build; its last words if it fails."""
    with open(log, "ab") as out:
        try:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, check=False, timeout=BUILD_TIMEOUT_S,
                # Debian's Xen names its builder and the time in its banner.
                env={**os.environ, "SOURCE_DATE_EPOCH": "0", "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise LabError(
                f"{what} did not end within {BUILD_TIMEOUT_S} s; see {log}."
            ) from None
    if done.returncode:
        tail = " / ".join(log.read_text(errors="replace").splitlines()[-3:])
        raise LabError(f"{what} failed; {log} ends with: {tail}")


def _pv32(folder):
    missing = [tool for tool in BUILD_TOOLS if not shutil.which(tool)]
    if missing:
        raise LabError(
            "a Xen for 32-bit PV guests is built from source, and these are "
            f"missing: {', '.join(missing)} (ci/setup lab installs them)."
        )
    log = place.cache() / "xen" / "pv32.log"
    log.write_text("")
    description = packages.source(packages.HOME_RELEASE, SOURCE, folder)
    _run(["dpkg-source", "-x", description.path.name, "source"], folder,
         "unpacking the source of Xen", log)
    xen = folder / "source" / "xen"
    jobs = str(os.cpu_count() or 1)
    make = ["make", "-C", str(xen), "XEN_TARGET_ARCH=x86_64", "debug=n"]
    _run([*make, "defconfig"], folder, "configuring Xen", log)
    with open(xen / ".config", "a", encoding="ascii") as config:
        config.writelines(option + "\n" for option in OPTIONS)
    _run([*make, "olddefconfig"], folder, "configuring Xen", log)
    kept = (xen / ".config").read_text().splitlines()
    for option in OPTIONS:
        if option not in kept:
            raise LabError(
                f"{description.version} of Xen does not take {option}: its "
                "configuration no longer has that choice."
            )
    _run(["nice", *make, f"-j{jobs}", "build"], folder, "building Xen", log)
    version = f"{SOURCE} {description.version} with {' '.join(OPTIONS)}"
    return (xen / "xen").read_bytes(), version


IMAGES = {"stock": ("xen-4.17", _stock), "pv32": ("xen-4.17-pv32", _pv32)}


def processor(path):
    """What a hypervisor wants of the emulated processor, for QEMU's -cpu.

    TCG's nested page tables do not carry a 32-bit guest; shadow page tables do,
    and Xen takes them when the processor has no others.
    """
    return ",-npt" if path.name == IMAGES["pv32"][0] else ""


def image(name="stock"):
    """The file of a hypervisor, made if it is not there yet."""
    if name not in IMAGES:
        raise LabError(
            f"'{name}' is not a hypervisor that the laboratory knows; there "
            f"are {', '.join(IMAGES)}."
        )
    file, make = IMAGES[name]
    folder = place.cache() / "xen"
    path = folder / file
    if path.exists():
        return path
    work = folder / f".{file}.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        data, version = make(work)
        (work / "image").write_bytes(data)
        (folder / f"{file}.version").write_text(version + "\n")
        (work / "image").rename(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path

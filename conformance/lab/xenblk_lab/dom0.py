"""Dom0's image: a Debian root, a kernel, a first archive, and a saved machine.

root() is made by mmdebstrap from packages alone and knows nothing of this tree's
programs, so that a change in the daemon never makes it anew: those come with a
job (job.py).  saved() boots it once until it waits for a job and keeps the
machine's state, from which a run goes on in seconds.  Each is made beside and
moved into place when it is whole.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import hypervisor, initramfs, kernels, machine, place
from .cpio import Archive
from .errors import LabError
from .modules import Tree

KERNEL = "linux-6.1"
RELEASE = "bookworm"
ROOT_MIB = 1536
GUESTS_MIB, JOB_MIB, RESULTS_MIB = 2048, 256, 256
BOOT_SECONDS = 180
# What dom0 needs to run Xen's toolstack, the three backends and our scripts.
PACKAGES = (
    "bash", "busybox", "coreutils", "e2fsprogs", "findutils", "grep", "gzip",
    "iproute2", "kmod", "libc-bin", "mount", "procps", "python3", "sed", "tar",
    "util-linux", "xen-utils-4.17", "xenstore-utils", "qemu-system-xen",
    "liburing2", "libjansson4", "libmicrohttpd12", "libnbd0", "libseccomp2",
    "libcap-ng0",
)
BASE = (
    "base-files", "base-passwd", "dash", "debianutils", "diffutils", "dpkg",
    "hostname", "init-system-helpers", "login", "mawk", "ncurses-bin",
    "perl-base", "sysvinit-utils",
)
# Before the root disk is there, and what the services and backends need after.
FIRST_MODULES = ("virtio_pci", "virtio_blk", "ext4")
OPTIONAL_MODULES = ("crc32c_generic",)
MODULES = (
    "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs",
    "xen-blkback", "loop", "brd", "null_blk",
)
SPARED = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")


def _digest(*parts):
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part if isinstance(part, bytes) else str(part).encode())
        sha.update(b"\0")
    return sha.hexdigest()[:16]


def root(say=print):
    """The root disk (ext4 in a file): its path."""
    kernel = kernels.kernel(KERNEL)
    key = _digest(PACKAGES, BASE, MODULES, kernel.version, ROOT_MIB,
                  Path(__file__).read_bytes())
    folder = place.cache() / "dom0"
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / f"root-{key}.ext4"
    if image.exists():
        return image
    place.need_disk(folder, 4096, "dom0's root")
    say("dom0's root: unpacking packages (two minutes or so)")
    with tempfile.TemporaryDirectory(dir=folder, prefix="root-") as work:
        tree = Path(work) / "tree"
        _bootstrap(tree)
        _add_kernel_modules(tree, kernel)
        fresh = Path(work) / "root.ext4"
        _make_ext4(tree, fresh, ROOT_MIB)
        fresh.rename(image)
    for old in folder.glob("root-*.ext4"):
        if old != image:
            old.unlink()
    return image


def _bootstrap(tree):
    spared = [f"--dpkgopt=path-exclude={path}/*" for path in SPARED]
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=custom",
        f"--include={','.join((*BASE, *PACKAGES))}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"', *spared,
        RELEASE, str(tree), place.mirror(),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", env=environment, check=False, timeout=1500,
        )
    except FileNotFoundError:
        raise LabError("mmdebstrap is not installed: run ci/setup lab (as root)") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"mmdebstrap did not end within 25 minutes: is {place.mirror()} slow?") from None
    if done.returncode:
        words = " ".join(line for line in done.stderr.splitlines()[-4:])
        raise LabError(f"mmdebstrap could not make dom0's root: {words}")


def _add_kernel_modules(tree, kernel):
    """Only what is used: a whole kernel is 400 MB of other hardware."""
    source = Tree(kernel.modules)
    target = tree / "lib" / "modules" / kernel.release
    target.mkdir(parents=True)
    for name in source.order((*FIRST_MODULES, *MODULES), OPTIONAL_MODULES):
        (target / f"{name}.ko").write_bytes(source.data(name))
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (kernel.modules / name).exists():
            shutil.copy(kernel.modules / name, target / name)
    run(["chroot", str(tree), "depmod", kernel.release], "dom0's index of modules")


def _make_ext4(tree, image, mib):
    """The same tree gives the same bytes: fixed ids, no journal, no times of ours."""
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^metadata_csum_seed",
         "-U", "00000000-0000-4000-8000-000000000001",
         "-E", "hash_seed=00000000-0000-4000-8000-000000000002,lazy_itable_init=0",
         "-d", str(tree), str(image)], f"the image {image.name}",
        {"SOURCE_DATE_EPOCH": "0", "E2FSPROGS_FAKE_TIME": "1"})


def run(command, what, environment=None):
    """A command that must succeed; LabError names what it was for."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", check=False, env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed: run ci/setup lab (as root)") from None
    if done.returncode:
        raise LabError(f"{what}: {command[0]} ended with {done.returncode}: "
                       f"{done.stderr.strip()[-300:]}")


def initrd():
    """The first archive: the root disk's driver, and dom0's init to take along."""
    kernel = kernels.kernel(KERNEL)
    first, init = ((place.LAB / "dom0" / name).read_bytes() for name in ("initrd-init", "init"))
    key = _digest(kernel.version, first, init, Path(__file__).read_bytes())
    image = place.cache() / "dom0" / f"initrd-{key}.cpio"
    if image.exists():
        return image
    image.parent.mkdir(parents=True, exist_ok=True)
    archive = Archive()
    for folder in ("dev", "proc", "sys", "mnt"):
        archive.folder(folder)
    archive.character("dev/console", 5, 1)
    archive.character("dev/null", 1, 3, 0o666)
    archive.file("init", first, 0o755)
    archive.file("lab-init", init, 0o755)
    busybox = initramfs.busybox()
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    for name in initramfs.applets(busybox):
        if name != "busybox":
            archive.link(f"bin/{name}", "busybox")
    tree = Tree(kernel.modules)
    for number, name in enumerate(tree.order(FIRST_MODULES, OPTIONAL_MODULES)):
        archive.file(f"lib/modules/{number:02}-{name}.ko", tree.data(name))
    for old in image.parent.glob("initrd-*.cpio"):
        old.unlink()
    image.write_bytes(archive.bytes())
    return image


def shape(xen="stock", vcpus=1):
    """The machine that runs this dom0 on a hypervisor (stock or pv32)."""
    return machine.Shape(
        hypervisor.image(xen), kernels.kernel(KERNEL).vmlinux, initrd(),
        machine.accelerator(), vcpus=vcpus,
    )


def blank(path, mib):
    """A disk of nothing but zeros."""
    with open(path, "wb") as file:
        file.truncate(mib << 20)
    return path


def saved(xen="stock", vcpus=1, say=print):
    """A booted dom0 that waits for its job: (shape, state file, root overlay)."""
    base, made = root(say), shape(xen, vcpus)
    key = _digest(base, made.command(), made.xen.read_bytes(), made.initrd.read_bytes(),
                  _qemu_version(), machine.MEMORY_MIB)
    folder = place.cache() / "saved"
    folder.mkdir(parents=True, exist_ok=True)
    state, overlay = folder / f"{xen}-{key}.state", folder / f"{xen}-{key}.qcow2"
    if not (state.exists() and overlay.exists()):
        for old in folder.glob(f"{xen}-*"):
            old.unlink()
        say(f"dom0 on Xen ({xen}): booting once, to keep its state")
        _boot_and_save(made, base, state, overlay)
    return made, state, overlay


def _boot_and_save(made, base, state, overlay):
    place.need_memory(machine.MEMORY_MIB)
    place.need_disk(state.parent, 1024, "the state of dom0")
    with tempfile.TemporaryDirectory(dir=state.parent, prefix="boot-") as work:
        folder = Path(work)
        fresh = folder / "root.qcow2"
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw",
             str(fresh)], "the overlay of dom0's root")
        disks = {
            "root": (fresh, "qcow2", False),
            "guests": (blank(folder / "guests", GUESTS_MIB), "raw", False),
            "job": (blank(folder / "job", JOB_MIB), "raw", False),
            "results": (blank(folder / "results", RESULTS_MIB), "raw", False),
        }
        running = machine.Machine(made, disks, folder)
        running.start()
        try:
            running.wait_line(" ready", BOOT_SECONDS)
            running.save(state)
        except LabError:
            place.keep(folder, "boot-failed")
            raise
        finally:
            running.stop()
        fresh.rename(overlay)


def _qemu_version():
    try:
        done = subprocess.run([machine.QEMU, "--version"], capture_output=True, check=False)
    except FileNotFoundError:
        raise LabError(f"{machine.QEMU} is not installed: run ci/setup lab (as root)") from None
    return done.stdout

"""GRUB as a guest: its PV frontends, and the disk that they read.

Debian's grub-xen-host has a GRUB that is a PV kernel itself: it looks for
/boot/grub/grub.cfg on the disk that the backend under test serves, compares a
file with its checksum, then loads Linux from there and gives the disk over to
it.  The 32-bit one has no Linux left to load (32-bit PV is gone from it), so it
reads and compares, again and again.  guests.py calls this.
"""

import gzip
import hashlib
import os
import random
import subprocess
import tempfile
from pathlib import Path

from . import packages, place
from .errors import LabError

PACKAGE = "grub-xen-host"
DISK_MIB = 128
SAMPLE_BYTES = 4 << 20
SEED = 1
# What the console shows when the sample was read right, and when it was not.
RIGHT, WRONG = "LAB-DISK right", "LAB-DISK wrong"

MENU = f"""\
set pager=0
echo "LAB-GRUB reads"
if hashsum --hash sha256 --check /boot/sums --prefix /boot; then
	echo "{RIGHT}"
else
	echo "{WRONG}"
	halt
fi
"""
BOOT = """\
linux /boot/kernel {arguments}
initrd /boot/ramdisk
boot
"""
# Reads on, so that there is a load to be destroyed under; GRUB forgets what it
# read after two seconds.
STAY = """\
while hashsum --hash sha256 --check /boot/sums --prefix /boot; do
	sleep 3
done
"""


def program(bits):
    """GRUB as a PV kernel of 32 or 64 bits."""
    package = packages.fetch(packages.HOME_RELEASE, PACKAGE)
    folder = place.cache() / "grub" / package.version
    machine = "x86_64" if bits == 64 else "i386"
    path = folder / f"usr/lib/grub-xen/grub-{machine}-xen.bin"
    if not path.exists():
        packages.unpack(package, folder)
    return path


def menu(arguments):
    """The text of grub.cfg; without arguments there is nothing to boot."""
    return MENU + (BOOT.format(arguments=arguments) if arguments else STAY)


def sample():
    """The file that GRUB reads and compares, and its line of checksums."""
    data = random.Random(SEED).randbytes(SAMPLE_BYTES)
    return data, f"{hashlib.sha256(data).hexdigest()}  sample\n"


def _tree(folder, arguments, kernel, ramdisk):
    boot = folder / "boot"
    (boot / "grub").mkdir(parents=True)
    (boot / "grub" / "grub.cfg").write_text(menu(arguments))
    data, line = sample()
    (boot / "sample").write_bytes(data)
    (boot / "sums").write_text(line)
    if arguments:
        # GRUB reads a megabyte in a second here, and unpacks faster.
        for name, path in (("kernel", kernel), ("ramdisk", ramdisk)):
            data = gzip.compress(path.read_bytes(), 6, mtime=0)
            (boot / name).write_bytes(data)
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (0, 0))


def _make(image, tree):
    """ext2, which every GRUB reads; the same tree gives the same bytes."""
    with open(image, "wb") as file:
        file.truncate(DISK_MIB << 20)
    identity = "00000000-0000-4000-8000-000000000003"
    command = [
        "mke2fs", "-q", "-F", "-t", "ext2", "-U", identity, "-E",
        f"hash_seed={identity},root_owner=0:0", "-d", str(tree), str(image),
    ]
    _run(command)
    # mke2fs takes over when the files here were changed last.
    inside = ["/" + str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))]
    script = "".join(f"set_inode_field {name} ctime @0\n" for name in ["/", *inside])
    _run(["debugfs", "-w", "-f", "-", str(image)], script)


def _run(command, text=""):
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1", "E2FSPROGS_FAKE_TIME": "1",
                   "PATH": f"/usr/sbin:/sbin:{os.environ['PATH']}"}
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True,
                              check=False, env=environment)
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not on this system: run ci/setup lab (as root).") from None
    if done.returncode:
        raise LabError(f"the disk for GRUB could not be made: {done.stderr.strip()}")


def disk(name, arguments="", kernel=None, ramdisk=None):
    """The disk image NAME; @arguments are Linux's, none means to stay in GRUB."""
    folder = place.cache() / "grub"
    folder.mkdir(parents=True, exist_ok=True)
    image, stamp = folder / f"{name}.img", folder / f"{name}.key"
    digest = hashlib.sha256(Path(__file__).read_bytes() + arguments.encode())
    for path in (kernel, ramdisk):
        digest.update(path.read_bytes() if path else b"")
    key = digest.hexdigest()
    if image.exists() and stamp.exists() and stamp.read_text() == key:
        return image
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="disk-") as work:
        tree, fresh = Path(work) / "tree", Path(work) / "fresh.img"
        _tree(tree, arguments, kernel, ramdisk)
        _make(fresh, tree)
        fresh.rename(image)
    stamp.write_text(key)
    return image

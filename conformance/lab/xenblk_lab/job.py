"""What a run hands to dom0: the guests' images on one disk, the job on another.

The guests' disk is kept as long as the images are the same; the job (our
programs, the scripts of dom0/, the plan) is packed for every run.  dom0/init
unpacks it, dom0/runner.py carries it out.
"""

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from pathlib import Path

from . import dom0, place

# The programs that dom0 runs; those of a guest are in its own archive.
PROGRAMS = (
    "xenblkd", "xenblk-worker", "xenblkctl", "xenblk-front", "xenblk-lab-exec",
    "sim-contract", "xenblk-conform",
)
OPTIONAL_PROGRAMS = ("xenblk-conform-dom0", "xenblk-lab-probe")
HEADER_BYTES = 4096
# The disks that scripts of the ring harness ask for (fuzz/player.c).
PLAY_SECTORS = (2048, 1024, 128, 8, 1)


def guests_disk(images):
    """A disk with DIR/kernel and DIR/ramdisk for each of {DIR: {name: path}}."""
    key = hashlib.sha256()
    for folder, files in sorted(images.items()):
        for name, path in sorted(files.items()):
            stat = path.stat()
            key.update(f"{folder}/{name} {path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    where = place.cache() / "guests-disks"
    where.mkdir(parents=True, exist_ok=True)
    image = where / f"{key.hexdigest()[:16]}.ext4"
    if image.exists():
        os.utime(image)
        return image
    _forget_old(where)
    place.need_disk(where, dom0.GUESTS_MIB, "the guests' disk")
    with tempfile.TemporaryDirectory(dir=where, prefix="disk-") as work:
        tree = Path(work) / "tree"
        tree.mkdir()
        for folder, files in images.items():
            (tree / folder).mkdir()
            for name, path in files.items():
                _take(path, tree / folder / name)
        fresh = Path(work) / "fresh"
        dom0.blank(fresh, dom0.GUESTS_MIB)
        dom0.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", str(tree),
                  str(fresh)], "the guests' disk")
        fresh.rename(image)
    return image


def _take(path, target):
    try:
        os.link(path, target)
    except OSError:  # another file system
        shutil.copy(path, target)


def _forget_old(where, keep=3):
    disks = sorted(where.glob("*.ext4"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in disks[keep:]:
        old.unlink()


def pack(disk, job, extra=None, console=False):
    """Writes the job's disk.  @extra: {name in the job: path or bytes}."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in PROGRAMS:
            _add(tar, f"bin/{name}", place.program(name), 0o755)
        for name in OPTIONAL_PROGRAMS:
            if (place.programs() / name).exists():
                _add(tar, f"bin/{name}", place.program(name), 0o755)
        for path in sorted((place.LAB / "dom0").glob("*.py")):
            _add(tar, f"dom0/{path.name}", path)
        # Both ends of the results disk are one file.
        _add(tar, "dom0/records.py", place.LAB / "xenblk_lab" / "records.py")
        for path in scripts():
            _add(tar, f"scripts/{path.name}", path, 0o755)
        for name, what in (extra or {}).items():
            _add(tar, name, what, 0o755)
        _add(tar, "job.json", json.dumps(job).encode())
        _add(tar, "date", str(int(time.time())).encode())
        if console:
            _add(tar, "console", b"")
    data = archive.getvalue()
    if len(data) + HEADER_BYTES > dom0.JOB_MIB << 20:
        raise place.LabError(f"the job has {len(data) >> 20} MiB; {dom0.JOB_MIB} fit")
    with open(disk, "wb") as file:
        file.truncate(dom0.JOB_MIB << 20)
        file.seek(HEADER_BYTES)
        file.write(data)
        # Last: dom0 looks for this line.
        file.flush()
        file.seek(0)
        file.write(f"xenblk-lab-job {len(data)}\n".encode())


def tapes(folder):
    """What the check "script" takes into a guest: its tapes, and who plays them.

    One archive on a disk of the guest's: its images stay as they are.
    """
    if folder is None:
        return None
    found = sorted(Path(folder).glob("*.tape"))
    if not found:
        raise place.LabError(f"{folder} has no tape; xenblk-tape makes one of a script, and "
                             "'xenblk-fuzz replay ring FILE --on lab' does it all")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=6) as tar:
        _add(tar, "xenblk-play", place.program("xenblk-play"), 0o755)
        for path in found:
            _add(tar, f"tapes/{path.name}", path)
    images = {f"disks/{sectors}": image(sectors) for sectors in PLAY_SECTORS}
    return {"tapes.tgz": archive.getvalue(), **images}


def image(sectors):
    """The bytes of a disk that every play begins with."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "image"
        dom0.run([str(place.program("xenblk-tape")), "--image", str(sectors), str(path)],
                 "a disk for tapes")
        return path.read_bytes()


def scripts():
    """The hotplug scripts that xl runs in dom0: ours, and one for loop devices."""
    return [place.TOP / "packaging" / "hotplug" / "block-xenblk",
            place.LAB / "dom0" / "block-loop"]


def _add(tar, name, what, mode=0o644):
    data = what if isinstance(what, bytes) else Path(what).read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))

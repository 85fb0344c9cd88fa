"""The check "script": tapes of ring scripts, played in a guest against this backend.

The tapes, and xenblk-play which plays them, come with the job (xenblk-fuzz
replay ring FILE --on lab) and reach the guest on a disk of its own; others hold
what every play begins with.  Called by checks.py.
"""

import json
import os
import shutil

from backends import DISKS
from shell import Broken, Skipped, Trouble, read, run, wait_for

JOB = "/job"
PLAY_SECONDS = 2400
DISK_NUMBER = {f"xvd{chr(97 + i)}": 51712 + 16 * i for i in range(16)}


def play(session):
    """Ring scripts, played in the guest: what they lead to is the same as in process."""
    archive = f"{JOB}/tapes.tgz"
    if not os.path.exists(archive):
        raise Skipped("this job has no tapes; xenblk-fuzz replay ring FILE --on lab brings them")
    session.drop()
    guest = session.bare_guest()
    images = []
    try:
        images += attach_all(session, guest, archive)
        bring(guest, "xvdp")
        session.note(lines=words(session, guest))
    finally:
        session.drop()
        for path in images:
            os.unlink(path)
    judge(session)


def attach_all(session, guest, archive):
    """One disk with the archive, and those of the plays, writable and not."""
    disks = [("xvdp", padded(archive, f"{DISKS}/tapes.img"), "w")]
    names = (f"xvd{letter}" for letter in "abcdefghijklmno")
    for mode in "wr":
        for sectors in sorted(os.listdir(f"{JOB}/disks"), key=int, reverse=True):
            path = f"{DISKS}/play-{sectors}-{mode}.img"
            shutil.copyfile(f"{JOB}/disks/{sectors}", path)
            disks.append((next(names), path, mode))
    for vdev, path, mode in disks:
        line = session.backend.disk(path, vdev)
        if mode == "r":
            line = line.replace("access=rw", "access=ro")
        run("xl", "block-attach", str(guest.domid), line, seconds=60)
        back = f"{guest.frontend(DISK_NUMBER[vdev])}/backend"
        wait_for(f"a backend for {vdev}", 30, lambda b=back: read(f"{read(b)}/state") == "2")
    return [path for _, path, _ in disks]


def padded(path, target):
    """A copy of whole sectors, and longer than any disk of a play."""
    shutil.copyfile(path, target)
    size = max(os.path.getsize(target), 4 << 20)
    os.truncate(target, (size + 4095) // 4096 * 4096)
    return target


def bring(guest, vdev):
    """The archive from its disk into the guest's memory."""
    guest.sh(f"mkdir -p /play && xenblk-front read --devid {vdev} > /play/tapes.tgz && "
             "cd /play && (tar xzf tapes.tgz 2>/dev/null; rm tapes.tgz; test -x xenblk-play)", 300)


def words(session, guest):
    """What xenblk-play says, line by line."""
    patience = str(session.plan.get("patience", 60))
    text = guest.run("sh", "-c", f"cd /play && ./xenblk-play --patience {patience} tapes/*.tape",
                     seconds=PLAY_SECONDS, okay=(0, 1))
    session.writer.file(f"{session.name}/script.jsonl", text.encode())
    return text.splitlines()


def judge(session):
    """Trouble unless every tape that was played went as in process."""
    try:
        rows = [json.loads(line) for line in session.details["lines"]]
    except ValueError:
        raise Broken(f"this is not what xenblk-play says: {session.details['lines'][-1:]}") from None
    wrong = [row for row in rows if row["verdict"] not in ("PASS", "SKIP")]
    session.note(played=len(rows), wrong=len(wrong))
    if wrong:
        raise Trouble(f"{len(wrong)} of {len(rows)} tapes went otherwise than in process: "
                      f"{wrong[0]['tape']}: {wrong[0].get('reason', '')}")
    if not any(row["verdict"] == "PASS" for row in rows):
        raise Broken("no tape was played")

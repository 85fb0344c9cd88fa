"""Checks of what only some kernels ask for: large requests, discard, barriers, other sizes.

Functions of a Session as in checks.py, which lists them.  Each proves two things: the
guest sees its disk as it should, and, by the backend's counters, a real kernel used the
very request that is meant.
"""

import os

import ends
from guest import load_result
from loads import XVDA, counters, judge_load, load, load_words
from shell import Hung, Skipped, Trouble, read, run, wait_for


def grown(session, guest, before, *names):
    """How much some counters grew; a counter that is not there is a Trouble."""
    after = counters(session, guest)
    missing = [name for name in names if name not in after]
    if missing:
        raise Trouble(f"xenblkd has no counter {missing[0]}")
    return {name: after[name] - before[name] for name in names}


def need_counters(session):
    if not hasattr(session.backend, "ask"):
        raise Skipped("only xenblkd tells what it counted")


def published(guest, key):
    """A node of the backend's for the guest's first disk, as a number; 0 if it is not there."""
    back = read(f"{guest.frontend(XVDA)}/backend")
    return int(read(f"{back}/{key}") or 0)


def indirect(session):
    """Requests of more than 44 KiB come with indirect segments, verified."""
    need_counters(session)
    guest = session.guest()
    offered = published(guest, "feature-max-indirect-segments")
    before = counters(session, guest)
    load(session, guest, 2, "--sizes", "256k..1M", seconds=3)
    got = grown(session, guest, before, "indirect", "reads", "writes", "segments")
    limits = {name: int(guest.sh(f"cat /sys/block/xvda/queue/{name}"))
              for name in ("max_segments", "max_hw_sectors_kb")}
    session.note(offered=offered, guest=limits, **got)
    if not got["indirect"]:
        raise Trouble(f"{offered} segments were offered, and no request was indirect: {got}")
    if got["segments"] <= 11 * (got["reads"] + got["writes"]):
        raise Trouble(f"requests are no larger than without indirect segments: {got}")


def discard(session):
    """A file system that is trimmed gives its blocks back to dom0, and stays whole."""
    need_counters(session)
    guest = session.guest()
    if not published(guest, "feature-discard"):
        raise Trouble("feature-discard is not published for a sparse file")
    granularity = int(guest.sh("cat /sys/block/xvda/queue/discard_granularity"))
    before = counters(session, guest)
    guest.sh("mkfs.ext4 -q -F -E nodiscard /dev/xvda && mkdir -p /mnt && mount -t ext4 /dev/xvda /mnt && "
             "dd if=/dev/urandom of=/mnt/kept bs=1M count=4 2>/dev/null && md5sum /mnt/kept >/tmp/kept && "
             "dd if=/dev/urandom of=/mnt/gone bs=1M count=40 2>/dev/null && sync", 90)
    full = os.stat(session.image).st_blocks
    guest.sh("rm /mnt/gone && sync && fstrim /mnt", 60)
    free = os.stat(session.image).st_blocks
    guest.sh("umount /mnt && e2fsck -fn /dev/xvda && mount -t ext4 -o ro /dev/xvda /mnt && "
             "echo 3 >/proc/sys/vm/drop_caches && md5sum -c -s /tmp/kept; code=$?; umount /mnt; exit $code", 90)
    got = grown(session, guest, before, "discards")
    session.note(granularity=granularity, mib_before=full >> 11, mib_after=free >> 11, **got)
    if not got["discards"]:
        raise Trouble("fstrim led to no discard at the backend")
    if full - free < 30 << 11:
        raise Trouble(f"40 MiB were trimmed, and the image went from {full >> 11} to {free >> 11} MiB only")


def see_size(guest, sectors):
    """Waits until the guest's kernel has another size for its disk."""
    try:
        wait_for(f"a disk of {sectors} sectors in the guest", 20,
                 lambda: int(guest.sh("cat /sys/block/xvda/size")) == sectors, 0.3)
    except Hung as hung:
        raise Hung(f"{hung}: it has {guest.sh('cat /sys/block/xvda/size').strip()}") from None


def resize(session):
    """Under load the disk grows and shrinks again; the guest sees both, and uses the new end."""
    need_counters(session)
    guest = session.guest()
    before, name = os.stat(session.image).st_size, f"{guest.domid}/{XVDA}"
    after = before + (64 << 20)
    process = guest.start(*load_words(4, 15), seconds=150)
    os.truncate(session.image, after)
    session.backend.tell("resize", name)
    see_size(guest, after >> 9)
    guest.sh("dd if=/dev/urandom of=/tmp/end bs=1M count=1 2>/dev/null && "
             f"dd if=/tmp/end of=/dev/xvda bs=1M seek={(after >> 20) - 1} conv=fsync 2>/dev/null && "
             f"dd if=/dev/xvda iflag=direct bs=1M skip={(after >> 20) - 1} 2>/dev/null | cmp - /tmp/end")
    session.backend.tell("resize", name, str(before))
    see_size(guest, before >> 9)
    os.truncate(session.image, before)
    result = load_result(guest.finish(process, "the load"))
    judge_load(result)
    session.note(mib=[before >> 20, after >> 20, before >> 20], load=result)


def barrier(session):
    """A guest that is offered barriers and no flush uses them; its data comes through."""
    need_counters(session)
    guest = session.guest()
    ends.detach(session, guest)
    guest.sh("rmmod xen_blkfront")
    try:
        # The frontend looks at what is offered when it connects; nobody is there yet.
        run("xl", "block-attach", str(guest.domid), session.backend.disk(session.image), seconds=60)
        back = read(f"{guest.frontend(XVDA)}/backend")
        wait_for("an offer of the backend", 20, lambda: read(f"{back}/state") == "2")
        run("xenstore-write", f"{back}/feature-flush-cache", "0")
    finally:
        guest.sh("modprobe xen-blkfront max_queues=4")
    guest.wait_connected(XVDA)
    wait_for("/dev/xvda in the guest", 15,
             lambda: guest.sh("test -b /dev/xvda && echo there; true").strip() == "there")
    before = counters(session, guest)
    result = load(session, guest, 4, seconds=3)
    guest.sh("mkfs.ext4 -q -F /dev/xvda && mount -t ext4 /dev/xvda /mnt && cp /bin/busybox /mnt && sync && "
             "umount /mnt && e2fsck -fn /dev/xvda", 90)
    got = grown(session, guest, before, "barriers", "flushes")
    said = guest.sh("dmesg | grep 'xvda: ' | tail -1 ; true").strip()
    session.note(said=said[-200:], load=result, **got)
    ends.detach(session, guest)
    ends.attach(session, guest, session.image)
    if not got["barriers"]:
        raise Skipped(f"this kernel's frontend uses no barriers: {said[-120:]}")
    if got["flushes"]:
        raise Trouble(f"{got['flushes']} flushes came that were not offered")

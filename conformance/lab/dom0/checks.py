"""The checks: what a guest and a backend must get right on real Xen.

Each is a function of a Session with a sentence; a check raises Trouble (shell.py)
with the reason when it does not hold.  The order of CHECKS is the order in which
a session runs them: a failure early explains the ones after it.
"""

import os
import time

import ends
import features
import grub
import script
import suite
from guest import load_result
from loads import LOAD_SECONDS, XVDA, counters, judge_load, load, load_words
from shell import Skipped, Trouble, read, tree

# Nodes that tell what a frontend and a backend agreed upon.
AGREED = ("protocol", "multi-queue-num-queues", "ring-page-order", "feature-persistent",
          "feature-large-sector-size")
OFFERED = ("multi-queue-max-queues", "max-ring-page-order", "feature-persistent",
           "feature-flush-cache", "feature-barrier", "feature-discard",
           "feature-max-indirect-segments", "sector-size", "physical-sector-size", "sectors")


def negotiate(session):
    """The frontend connects; what was agreed is recorded."""
    guest = session.guest()
    back = guest.wait_connected(XVDA)
    ours, theirs = tree(guest.frontend(XVDA)), tree(back)
    session.note(
        negotiated={key: ours[key] for key in AGREED if key in ours},
        offered={key: theirs[key] for key in OFFERED if key in theirs},
        kernel=guest.run("uname", "-r").strip(), boot_seconds=round(guest.boot_seconds, 1),
    )
    expected = session.spec().get("protocol")
    if expected and ours.get("protocol", expected) != expected:
        raise Trouble(f"protocol is {ours['protocol']}, not {expected}")
    size = int(guest.sh("cat /sys/block/xvda/size"))
    if size != int(theirs["sectors"]):
        raise Trouble(f"the guest sees {size} sectors, the backend says {theirs['sectors']}")
    ends.seen(session)


def direct(session):
    """O_DIRECT and io_uring go straight into granted pages: verified, no page of ours between."""
    if not hasattr(session.backend, "direct"):
        raise Skipped("only xenblkd tells")
    # As a PV dom0 does not do by itself, since a worker may be killed meanwhile.
    session.restart_backend("--staging", "off")
    try:
        straight(session, session.guest())
    finally:
        session.restart_backend()


def straight(session, guest):
    """Verified load, of which the counters say that no page of ours was between."""
    if not session.backend.direct(guest.domid, XVDA):
        raise Trouble(f"xenblkd does not use O_DIRECT for {session.image} on ext4")
    before = counters(session, guest)
    load(session, guest, 4, seconds=3)
    after = counters(session, guest)
    grown = {name: after[name] - before[name] for name in ("persistent_hits", "copies", "staged")}
    session.note(**grown)
    if not grown["persistent_hits"] or grown["staged"]:
        raise Trouble(f"not straight into granted pages: {grown}")


def rival(session):
    """xenblkd refuses to serve a directory that xen-blkback serves, in a clear sentence."""
    if not hasattr(session.backend, "meet_rival"):
        raise Skipped("only xenblkd looks")
    session.drop()
    code, said = session.backend.meet_rival()
    session.note(said=said.strip()[-300:])
    if code != 4:
        raise Trouble(f"beside xen-blkback xenblkd ended with {code}, not 4: {said[-200:]}")
    if "xen-blkback" not in said or "--directory" not in said:
        raise Trouble(f"the sentence names no way out: {said[-200:]}")


def queues_in_use(guest):
    """Queues that the frontend asked for, 1 when it wrote no number."""
    return int(read(f"{guest.frontend(XVDA)}/multi-queue-num-queues") or 1)


def io(queues):
    """A check for so many queues: the driver is loaded anew, the disk attached anew."""
    def check(session):
        guest = session.guest()
        use_queues(session, guest, queues)
        result = load(session, guest, max(2, queues))
        got = queues_in_use(guest)
        session.note(queues=got, load=result)
        offered = int(read(f"{read(guest.frontend(XVDA) + '/backend')}/"
                           "multi-queue-max-queues") or 1)
        if got != min(queues, offered):
            raise Trouble(f"{got} queues are in use, not {queues}; the backend offers {offered}")
        if got < queues:
            raise Skipped(f"verified with {got} queues: the backend offers no more")
    check.__doc__ = (f"Verified random reads and writes of 512 B to 1 MiB, {queues} "
                     f"queue{'s' if queues > 1 else ''}.")
    return check


def use_queues(session, guest, queues):
    """Detaches the disk, loads the guest's driver for so many queues, attaches."""
    if queues_in_use(guest) == queues:
        return
    ends.detach(session, guest)
    guest.sh(f"rmmod xen_blkfront && modprobe xen-blkfront max_queues={queues}")
    ends.attach(session, guest, session.image)


def filesystem(session):
    """mkfs, copy a tree, unmount, fsck, mount again, compare."""
    guest = session.guest()
    guest.sh("mkfs.ext4 -q -F /dev/xvda && mkdir -p /mnt && mount -t ext4 /dev/xvda /mnt", 90)
    guest.sh("mkdir /mnt/tree && cp -a /bin /lib /mnt/tree/ && "
             "(cd /mnt/tree && find . -type f | sort | xargs md5sum) > /tmp/sums && "
             "umount /mnt", 120)
    guest.sh("e2fsck -fn /dev/xvda", 90)
    guest.sh("mount -t ext4 -o ro /dev/xvda /mnt && echo 3 > /proc/sys/vm/drop_caches && "
             "(cd /mnt/tree && md5sum -c -s /tmp/sums); code=$?; umount /mnt; exit $code", 120)
    session.note(files=int(guest.sh("wc -l < /tmp/sums")))


def flush(session):
    """A flush of the guest reaches the backend and is answered well."""
    guest = session.guest()
    before = session.backend.flushes(guest.domid)
    guest.sh("dd if=/dev/zero of=/dev/xvda bs=4096 count=64 conv=fsync 2>/dev/null", 30)
    after = session.backend.flushes(guest.domid)
    session.note(flushes=after - before)
    if "fsync" in guest.sh("dmesg | grep -i 'empty flush op failed' ; true"):
        raise Trouble("the frontend turned flushing off: the backend refused a flush")
    if after <= before:
        raise Trouble("fsync of 256 KiB led to no flush at the backend: "
                      f"{before} before, {after} after")


def reattach(session):
    """Detached and attached again under xl, the disk has the same bytes."""
    guest = session.guest()
    guest.run("xenblk-lab-disk", "stamp", "/dev/xvda", "--region-mib", "16")
    start = time.monotonic()
    ends.detach(session, guest)
    session.note(detach_seconds=round(time.monotonic() - start, 1))
    ends.attach(session, guest, session.image)
    guest.run("xenblk-lab-disk", "check", "/dev/xvda", "--region-mib", "16")
    load(session, guest, 2, seconds=2)


def reboot(session):
    """The guest reboots; its disk comes back with the same bytes."""
    guest = session.guest()
    guest.run("xenblk-lab-disk", "stamp", "/dev/xvda", "--region-mib", "16")
    first = guest.domid
    ends.reboot(guest)
    session.note(domids=[first, guest.domid])
    guest.wait_connected(XVDA)
    guest.run("xenblk-lab-disk", "check", "/dev/xvda", "--region-mib", "16")
    load(session, guest, 2, seconds=2)


def second_disk(session):
    """Two disks and two guests at once, all four under load."""
    extra = [ends.extra_disk(session, n) for n in range(3)]
    guest = session.guest()
    other = None
    try:
        ends.attach(session, guest, extra[0], "xvdb")
        other = session.new_guest([extra[1], extra[2]], f"{session.name}-other", vcpus=1)
        loads = [(one, device, one.start(*on(device, load_words(2, LOAD_SECONDS))))
                 for one in (guest, other) for device in ("/dev/xvda", "/dev/xvdb")]
        for one, device, process in loads:
            judge_load(load_result(one.finish(process, f"the load on {device}")))
        ends.detach(session, guest, "xvdb")
    finally:
        if other is not None:
            session.remove(other)
        for path in extra:
            os.unlink(path)


def on(device, words):
    return [device if word == "/dev/xvda" else word for word in words]


def xenstore_quiet(session):
    """An idle disk causes no traffic in xenstore and no work in the backend."""
    if not hasattr(session.backend, "workers"):
        raise Skipped("only our workers are counted")
    guest = session.guest()
    guest.wait_connected(XVDA)
    guest.sh("sync")
    time.sleep(2)
    before, counted = sum(map(ticks, session.backend.workers())), counters(session, guest)
    time.sleep(4)
    used = sum(map(ticks, session.backend.workers())) - before
    after = counters(session, guest)
    grown = {name: count - counted[name] for name, count in after.items()
             if isinstance(count, int) and count != counted.get(name)}
    session.note(worker_ticks=used, counters=grown)
    # What the guest itself asks for meanwhile is no fault of the backend's.
    if used > 4 and not grown.get("reads") and not grown.get("writes"):
        raise Trouble(f"the idle worker used {used} ticks in 4 s: {grown}")


def ticks(pid):
    """User and system time of a process, in clock ticks."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


CHECKS = {
    "negotiate": negotiate,
    "boot": grub.boot,
    "io-4": io(4),
    "direct": direct,
    "filesystem": filesystem,
    "flush": flush,
    "indirect": features.indirect,
    "discard": features.discard,
    "resize": features.resize,
    "barrier": features.barrier,
    "idle": xenstore_quiet,
    "kill-worker": ends.kill_worker,
    "kill-daemon": ends.kill_daemon,
    "reattach": reattach,
    "io-2": io(2),
    "io-1": io(1),
    "two-disks": second_disk,
    "reboot": reboot,
    "crash": ends.crash,
    "destroy": ends.destroy,
    "rival": rival,
    "conformance": suite.conformance,
    "contract": suite.contract,
    "probe": suite.probe,
    "script": script.play,
    "audit": suite.audit,
    "leaks": ends.leaks,
}


def find(name):
    """A check by name; one that is not there says so as its verdict."""
    def unknown(session):
        raise Skipped(f"there is no check {name}")
    return CHECKS.get(name, unknown)


def listing():
    """Names and sentences, for xenblk-lab list."""
    return [(name, (check.__doc__ or "").strip().splitlines()[0])
            for name, check in CHECKS.items()]

"""Checks that end something: a disk, a guest, a backend; and what must not stay.

Used by checks.py.  After each of them dom0 must hold no more than before.
"""

import time

import backends
import ledger
from guest import load_result
from loads import judge_load, load_words
from shell import Broken, Hung, Skipped, Trouble, read, run, wait_for

DEVICES = {"xvda": 51712, "xvdb": 51728}
# How long a load waits in vain at most before it is an error: a pause is allowed.
KILLS = 3


def extra_disk(session, number):
    return backends.make_disk(f"{session.name}-extra{number}.img", 128)


def detach(session, guest, vdev="xvda"):
    """xl block-detach, and wait until the backend has let go."""
    back = read(f"{guest.frontend(DEVICES[vdev])}/backend")
    run("xl", "block-detach", str(guest.domid), vdev, seconds=60)
    if back:
        wait_for(f"the removal of {back}", 15, lambda: read(f"{back}/state") is None)
    wait_for("the guest's device to go", 15,
             lambda: guest.sh(f"test -e /sys/block/{vdev} || echo gone").strip() == "gone")


def attach(session, guest, image, vdev="xvda"):
    """xl block-attach, and wait until both sides are Connected."""
    run("xl", "block-attach", str(guest.domid), session.backend.disk(image, vdev), seconds=60)
    guest.wait_connected(DEVICES[vdev])
    wait_for(f"/dev/{vdev} in the guest", 15,
             lambda: guest.sh(f"test -b /dev/{vdev} && echo there; true").strip() == "there")


def reboot(guest):
    """The guest reboots by itself; xl makes a new domain of the same name."""
    first = guest.domid
    guest.start("sh", "-c", "sleep 0.5; reboot -f", seconds=20)
    wait_for("a new domain after the reboot", 60, lambda: domid_of(guest.name, first), 0.3)
    guest.domid = domid_of(guest.name, first)
    guest.wait_agent()


def domid_of(name, old):
    """The domain of a name if it is a new one, else None."""
    try:
        domid = int(run("xl", "domid", name))
    except Trouble:
        return None
    return domid if domid != old else None


def under_load(session, act, kills=KILLS):
    """Verified load in the guest while act() is called some times; its document."""
    guest = session.guest()
    process = guest.start(*load_words(4, 10), seconds=150)
    time.sleep(2)
    for _ in range(kills):
        if process.poll() is not None:
            break
        act()
        time.sleep(2.5)
    result = load_result(guest.finish(process, "the load"))
    judge_load(result)
    session.note(kills=kills, load=result, longest_pause_ms=result.get("longest_ms"))
    return result


def need_kills(session):
    if not session.backend.kills:
        raise Skipped(f"{session.backend.name} has no process that another could follow")


def kill_worker(session):
    """The worker is killed under load; the guest sees a pause, no error, no wrong byte."""
    need_kills(session)
    under_load(session, session.backend.kill_part)


def kill_daemon(session):
    """Daemon and worker are killed under load; a new daemon goes on, no error."""
    need_kills(session)
    under_load(session, session.backend.kill_all, kills=2)


def crash(session):
    """The guest's kernel panics under load; dom0 is as before."""
    guest = begin_load(session)
    guest.start("sh", "-c", "sleep 0.3; echo c > /proc/sysrq-trigger", seconds=20)
    guest.wait_end()
    end_of(session, guest.domid)


def destroy(session):
    """The guest is destroyed under load; dom0 is as before."""
    guest = begin_load(session)
    domid = guest.domid
    session.note(destroy_seconds=round(guest.destroy(), 1))
    end_of(session, domid)


def begin_load(session):
    """The session's guest under load."""
    guest = session.guest()
    if guest.has_agent():  # GRUB reads on and on by itself
        guest.start(*load_words(4, 30), seconds=60)
    time.sleep(2)
    return guest


def seen(session):
    """The ledger sees a connected disk; one that saw nothing would see no leak either.

    Asked of a disk without load: Xen lists every grant on its console, one by one.
    """
    held = ledger.take()
    session.note(held=held)
    for name in ("grants mapped", "ports to guests", "disks in xenstore"):
        if held[name] <= session.before[name]:
            raise Broken(f"the ledger does not see this disk: {name} are {held[name]}")


def end_of(session, domid):
    """Waits for the end of a domain's disks and compares the ledger."""
    took = backends.backend_gone(session.backend.kind, domid, 15)
    session.note(backend_gone_seconds=round(took, 1))
    session.current = None
    compare(session, session.before)


def compare(session, before):
    """Trouble if dom0 holds more than before; what is slow gets some seconds."""
    try:
        wait_for("dom0's ledger to be as before", 8,
                 lambda: not ledger.grown(before, ledger.take()), 1)
    except Hung:
        after = ledger.take()
        session.note(ledger=after)
        raise Trouble(f"dom0 holds more than before: {ledger.grown(before, after)}") from None
    session.note(ledger=ledger.take())


def leaks(session):
    """After all of the session, dom0 holds no grant, port, process or node of a guest."""
    session.drop()
    compare(session, session.before)

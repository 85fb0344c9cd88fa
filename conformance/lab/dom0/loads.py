"""Verified load in a guest, and what the backend counted of it.

Used by the checks (checks.py, ends.py, features.py); what a load is, and who
finds a wrong byte, is guest/xenblk-lab-disk.
"""

from guest import load_result
from shell import Trouble

XVDA = 51712
LOAD_SECONDS = 5


def counters(session, guest):
    """All counters of the guest's first disk, over its queues."""
    for disk in session.backend.ask("stats"):
        if (disk["domid"], disk["devid"]) == (guest.domid, XVDA):
            return disk["total"]
    raise Trouble(f"xenblkd has no counters of disk {guest.domid}/{XVDA}")


def load(session, guest, threads, *more, seconds=LOAD_SECONDS):
    """Verified random I/O of mixed sizes in the guest; the result document."""
    result = load_result(guest.run(*load_words(threads, seconds), *more,
                                   seconds=seconds + 90))
    judge_load(result)
    return result


def load_words(threads, seconds):
    return ["xenblk-lab-disk", "load", "/dev/xvda", "--seconds", str(seconds),
            "--threads", str(threads), "--sizes", "512..1M", "--write", "50",
            "--region-mib", "64", "--flush-every", "50", "--json"]


def judge_load(result):
    """Trouble unless data was moved and every byte was right."""
    if result.get("errors"):
        raise Trouble(f"{result['errors']} I/O errors or wrong bytes: "
                      f"{result.get('first_error', '')}")
    if not result.get("reads") or not result.get("writes"):
        raise Trouble(f"nothing was read or nothing was written: {result}")

"""GRUB as a guest: what its console tells, and the check of its boot.

The 64-bit one gives its disk to Linux and an agent answers; the 32-bit one stays
in its menu and reads on, so that all it says is on its console.  The words are
those of the host's grub.py.  Used by guest.py and checks.py.
"""

import time

from shell import Died, Hung, Trouble, read

XVDA = 51712
RIGHT, WRONG = "LAB-GRUB right", "LAB-GRUB wrong"
READ_SECONDS = 150


def judge(console):
    """True once GRUB compared its sample and it was right; Trouble if not."""
    if WRONG in console:
        raise Trouble("GRUB read a file from the disk and its checksum was wrong")
    return RIGHT in console


def wait_read(guest, seconds=READ_SECONDS):
    """Until a GRUB without an agent has compared its sample."""
    end = time.monotonic() + seconds
    while not judge(guest.console().decode(errors="replace")):
        if not guest.running():
            raise Died(f"the guest ended while GRUB read; {guest.last_words()}")
        if time.monotonic() > end:
            raise Hung(f"GRUB did not read its disk within {seconds} s; {guest.last_words()}")
        time.sleep(0.3)


def boot(session):
    """PV GRUB reads a menu, a sample and (64 bits) a kernel from our disk."""
    guest = session.guest()
    if not judge(guest.console().decode(errors="replace")):
        raise Trouble("the console does not say that GRUB read its sample")
    protocol = read(f"{guest.frontend(XVDA)}/protocol")
    session.note(protocol=protocol, boot_seconds=round(guest.boot_seconds, 1))
    if protocol != guest.spec["protocol"]:
        raise Trouble(f"protocol is {protocol}, not {guest.spec['protocol']}")
    if guest.has_agent():
        # Linux is another frontend on the same disk, after GRUB's has closed.
        session.note(kernel=guest.run("uname", "-r").strip())
        guest.wait_connected(XVDA)
        guest.sh("dd if=/dev/xvda of=/dev/null bs=1M iflag=direct 2>/dev/null", 90)

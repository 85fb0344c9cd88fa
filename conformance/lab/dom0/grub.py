"""Guests whose console tells: GRUB, and the 32-bit Linux; the check of their boot.

The 64-bit GRUB gives its disk to Linux and an agent answers; the 32-bit one stays
in its menu and reads on, and the 32-bit Linux has no library for an agent, so that
all they say is on their console.  The words are those of the host's grub.py.  Used by guest.py and checks.py.
"""

import time

from shell import Died, Hung, Trouble, read

XVDA = 51712
RIGHT, WRONG = "LAB-DISK right", "LAB-DISK wrong"
READ_SECONDS = 300


def judge(console):
    """True once what was read proved right; Trouble if it was wrong."""
    if WRONG in console:
        raise Trouble("what the guest read from its disk was wrong: its console says so")
    return RIGHT in console


def wait_read(guest, seconds=READ_SECONDS):
    """Until a guest without an agent has read its disk."""
    end = time.monotonic() + seconds
    while not judge(guest.console().decode(errors="replace")):
        if not guest.running():
            raise Died(f"the guest ended while it read its disk; {guest.last_words()}")
        if time.monotonic() > end:
            raise Hung(f"the guest did not read its disk within {seconds} s; {guest.last_words()}")
        time.sleep(0.3)


def boot(session):
    """GRUB reads a menu, a sample, a kernel from our disk; a guest without agent verifies it."""
    guest = session.guest()
    if not judge(guest.console().decode(errors="replace")):
        raise Trouble("the console does not say that what was read is right")
    protocol = read(f"{guest.frontend(XVDA)}/protocol")
    session.note(protocol=protocol, boot_seconds=round(guest.boot_seconds, 1))
    if protocol != guest.spec["protocol"]:
        raise Trouble(f"protocol is {protocol}, not {guest.spec['protocol']}")
    if guest.has_agent():
        # Linux is another frontend on the same disk, after GRUB's has closed.
        session.note(kernel=guest.run("uname", "-r").strip())
        guest.wait_connected(XVDA)
        guest.sh("dd if=/dev/xvda of=/dev/null bs=1M iflag=direct 2>/dev/null", 90)

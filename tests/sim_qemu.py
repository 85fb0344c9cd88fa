"""Debian's own QEMU serves a disk in a world, as far as a toolstack can see."""
import os
import subprocess
import sys

from libsim import expect, inside, nothing_held, run, sim, wait_until

QEMU = "/usr/libexec/xen-qemu-system-i386"
BACK = "/local/domain/0/backend/qdisk/5/51712"
FRONT = "/local/domain/5/device/vbd/51712"


def state(path):
    return run("xenstore-read", f"{path}/state", check=False).stdout.strip()


def test():
    sim("introduce", "5")
    qemu = subprocess.Popen([
        QEMU, "-xen-domid", "5", "-xen-attach", "-name", "dom5", "-machine", "xenpv", "-nographic",
        "-vga", "none", "-nodefaults", "-monitor", "none", "-serial", "none", "-m", "64",
        "-object", "iothread,id=io0", "-blockdev",
        "driver=null-co,node-name=n0,size=1073741824,read-zeroes=off",
        "-device", "xen-disk,drive=n0,vdev=xvda,iothread=io0"])
    wait_until(lambda: state(BACK) == "2", f"QEMU's disk is in state {state(BACK)!r}, not InitWait")
    sectors = run("xenstore-read", f"{BACK}/sectors").stdout.strip()
    expect(sectors == "2097152", f"QEMU says {sectors} sectors")
    expect(state(FRONT) == "1", "the frontend's directory is not made")
    qemu.terminate()
    qemu.wait(timeout=20)
    nothing_held(0)


if not os.path.exists(QEMU):
    print(f"skipped: {QEMU} is not installed (package qemu-system-xen)")
    sys.exit(77)
inside(test)

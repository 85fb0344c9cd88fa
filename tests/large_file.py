"""A sparse file of 3 TiB as a disk: its last sectors, far beyond 32 bits of sector number, and nothing anywhere else."""
import json
import os
import random
import subprocess
import tempfile

from libsim import BIN, expect, inside, nothing_held, sim, wait_until

FRONT = os.path.join(BIN, "xenblk-front")
MIB, TIB = 1 << 20, 1 << 40
SIZE = 3 * TIB


def guest(*command):
    return sim("guest", "5", "--", FRONT, *command)


def at_its_end(folder, image):
    """The last MiB and a sector more are there for the guest and in the file; what 32 bits would have made of them is not."""
    piece, back = os.path.join(folder, "piece"), os.path.join(folder, "back")
    new = random.Random("large").randbytes(MIB + 512)
    start = SIZE - len(new)
    with open(piece, "wb") as f:
        f.write(new)
    guest("write", "--input", piece, "--offset", str(start))
    guest("read", "--offset", str(start), "--length", str(len(new)), "--output", back)
    with open(back, "rb") as f:
        expect(f.read() == new, "the end of the disk is not what was written there")
    with open(image, "rb") as f:
        f.seek(start)
        expect(f.read() == new, "the end of the file is not what was written to the disk")
        f.seek(start - 2 * TIB)
        expect(not any(f.read(len(new))), "the write to the end of the disk is 2 TiB before it as well")
    expect(os.stat(image).st_blocks * 512 < 4 * MIB, f"the file has grown by {os.stat(image).st_blocks} sectors")


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        image, control = os.path.join(folder, "image"), os.path.join(folder, "control")
        with open(image, "wb") as f:
            try:
                f.truncate(SIZE)
            except OSError as error:
                print(f"skipped: no file of {SIZE} bytes in {folder}: {error}")
                return
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control])
        try:
            wait_until(lambda: os.path.exists(control), "xenblkd does not start")
            sim("attach", "5", "xvda", "--params", f"file:{image}")
            told = json.loads(guest("info", "--json").stdout)["disk"]["sectors"]
            expect(told == SIZE // 512, f"the guest is told of {told} sectors")
            at_its_end(folder, image)
            sim("detach", "5", "xvda")
        finally:
            daemon.terminate()
            code = daemon.wait(30)
        expect(code == 0, f"xenblkd ended with {code}")
        nothing_held(0)


inside(test)

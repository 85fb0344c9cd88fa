"""Stores that take whole blocks only: an NBD export with a minimum, and a disk of 4096-byte blocks where loop devices are."""
import os
import random
import signal
import subprocess
import tempfile

from libsim import BIN, PLAIN, expect, inside, nothing_held, run, sim, wait_for_nbd, wait_until

FRONT = os.path.join(BIN, "xenblk-front")
MIB = 1024 * 1024
SIZE = 24 * MIB


def guest(*command, check=True):
    return sim("guest", "5", "--", FRONT, *command, check=check)


def sectors_in_blocks(folder, image, params):
    """From 4 queues at once, verified; then at an odd place, with its neighbours kept."""
    piece, copy = os.path.join(folder, "piece"), os.path.join(folder, "copy")
    sim("attach", "5", "xvda", "--params", params)
    guest("load", "--queues", "4", "--verify", "--write", "60", "--operations", "1200", "--block-size", "512:60,4k:30,20k:10",
          "--region-start", "16M", "--region", "2M")
    guest("read", "--output", copy)
    with open(copy, "rb") as f:
        before = bytearray(f.read())
    expect(len(before) == SIZE, f"the disk has {len(before)} bytes")
    with open(piece, "wb") as f:
        f.write(random.Random(params).randbytes(MIB + 1536))
    guest("write", "--input", piece, "--offset", str(5 * MIB + 512))
    sim("detach", "5", "xvda")
    with open(piece, "rb") as f:
        new = f.read()
    before[5 * MIB + 512:5 * MIB + 512 + len(new)] = new
    with open(image, "rb") as f:
        expect(f.read() == bytes(before), f"{params}: the image is not what it was with the write in it")


def make_image(folder, name, bytes_more=0):
    image = os.path.join(folder, name)
    with open(image, "wb") as f:
        f.write(random.Random(name).randbytes(SIZE))
        f.truncate(SIZE + bytes_more)
    return image


def behind_a_socket(folder, block):
    image, socket = make_image(folder, f"nbd-{block}"), os.path.join(folder, f"socket-{block}")
    server = subprocess.Popen(["nbdkit", "--foreground", "-U", socket, "--filter=blocksize-policy", "file", image,
                               f"blocksize-minimum={block}", f"blocksize-preferred={max(block, 4096)}",
                               "blocksize-error-policy=error"], env=PLAIN)
    try:
        wait_for_nbd(socket)
        sectors_in_blocks(folder, image, f"nbd+unix:///?socket={socket}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def loop_of(image):
    """A disk of 4096-byte blocks, or None with a sentence where there is no loop device to be had."""
    made = subprocess.run(["losetup", "--find", "--show", "--sector-size", "4096", "--direct-io=on", image], capture_output=True,
                          text=True, timeout=60, env=PLAIN)
    if made.returncode == 0:
        return made.stdout.strip()
    print(f"skipped: a disk of 4096-byte blocks, for there is no loop device: {made.stderr.strip()}")
    return None


def on_a_disk_of_long_blocks(folder):
    image = make_image(folder, "loop")
    loop = loop_of(image)
    if loop is None:
        return
    try:
        sectors_in_blocks(folder, loop, f"file:{loop}")
    finally:
        run("losetup", "-d", loop, env=PLAIN)


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        control = os.path.join(folder, "control")
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control])
        wait_until(lambda: os.path.exists(control), "xenblkd does not start")
        for block in (4096, 65536):
            behind_a_socket(folder, block)
        on_a_disk_of_long_blocks(folder)
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd did not end cleanly")
        nothing_held(0)


inside(test)

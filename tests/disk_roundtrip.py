"""A disk from image to guest and back: xenblk-front, and nbdkit with our plugin, through the real daemon."""
import hashlib
import os
import random
import signal
import subprocess
import tempfile

from libsim import BIN, BUILD, PLAIN, expect, inside, nothing_held, run, sim, wait_for_nbd, wait_until

FRONT = os.path.join(BIN, "xenblk-front")
PLUGIN = os.path.join(BUILD, "lib", "nbdkit-xenblk-plugin.so")
MIB = 1024 * 1024
SIZE = 24 * MIB


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def guest(*command):
    return sim("guest", "5", "--", *command)


def front_reads_writes_verifies(image, folder, personality):
    copy, piece = os.path.join(folder, "copy"), os.path.join(folder, "piece")
    common = ["--devid", "xvda", "--personality", personality]
    guest(FRONT, "read", *common, "--output", copy)
    expect(digest(copy) == digest(image), f"{personality}: what was read differs from the image")
    with open(piece, "wb") as f:
        f.write(random.Random(personality).randbytes(3 * MIB + 512))
    guest(FRONT, "write", *common, "--input", piece, "--offset", str(5 * MIB + 512))
    with open(image, "rb") as f, open(piece, "rb") as p:
        f.seek(5 * MIB + 512)
        expect(f.read(3 * MIB + 512) == p.read(), f"{personality}: what was written is not in the image")
    guest(FRONT, "read", *common, "--output", copy)
    guest(FRONT, "verify", copy, *common)
    with open(copy, "r+b") as f:
        f.seek(SIZE - 1)
        last = f.read(1)
        f.seek(SIZE - 1)
        f.write(bytes([last[0] ^ 1]))
    wrong = sim("guest", "5", "--", FRONT, "verify", copy, *common, check=False)
    expect(wrong.returncode == 1, f"{personality}: a changed last byte is not noticed")


def front_discards(image, offset):
    """What a guest gives up, its image does not occupy any more; the sectors beside it stay."""
    before, around = os.stat(image).st_blocks, []
    for _ in range(2):
        with open(image, "rb") as f:
            f.seek(offset - 512)
            beside = f.read(512)
            f.seek(offset + MIB)
            around.append((beside, f.read(512)))
            f.seek(offset)
            inside_it = f.read(MIB)
        if len(around) == 1:
            guest(FRONT, "discard", "--devid", "xvda", "--offset", str(offset), "--length", "1M")
    expect(not any(inside_it), "what was discarded is still in the image")
    expect(around[0] == around[1], "the neighbours of what was discarded are others now")
    expect(os.stat(image).st_blocks <= before - MIB // 512, "the image occupies as much as before the discard")


def nbd_copies_both_ways(image, folder):
    socket, copy, new = (os.path.join(folder, n) for n in ("nbd", "nbd-copy", "nbd-new"))
    server = subprocess.Popen([os.path.join(BIN, "xenblk-sim"), "guest", "5", "--", "nbdkit", "--foreground", "-U", socket,
                               PLUGIN, "devid=xvda", "personality=linux", "queues=4"])
    wait_for_nbd(socket)
    uri = f"nbd+unix:///?socket={socket}"
    run("nbdcopy", uri, copy, env=PLAIN)
    expect(digest(copy) == digest(image), "nbdcopy read something else than the image")
    with open(new, "wb") as f:
        f.write(random.Random("new").randbytes(SIZE))
    run("nbdcopy", "--flush", new, uri, env=PLAIN)
    trimmed = run("qemu-io", "-f", "raw", "-d", "unmap", "-c", f"discard {7 * MIB} {MIB}", uri, env=PLAIN)
    expect("discard failed" not in trimmed.stdout, f"a trim through nbdkit failed: {trimmed.stdout}")
    with open(image, "rb") as f, open(new, "r+b") as n:
        f.seek(7 * MIB)
        expect(not any(f.read(MIB)), "what was trimmed through nbdkit is still in the image")
        n.seek(7 * MIB)
        n.write(bytes(MIB))
    server.send_signal(signal.SIGTERM)
    expect(server.wait(30) == 0, "nbdkit did not end cleanly")
    expect(digest(image) == digest(new), "the image does not hold what nbdcopy wrote")


def a_read_only_disk_stays_as_it_is(folder):
    image, piece = os.path.join(folder, "ro"), os.path.join(folder, "piece")
    with open(image, "wb") as f:
        f.write(random.Random("ro").randbytes(2 * MIB))
    before = digest(image)
    sim("attach", "5", "xvdb", "--params", f"file:{image}", "--mode", "r")
    guest(FRONT, "verify", image, "--devid", "xvdb")
    refused = sim("guest", "5", "--", FRONT, "write", "--devid", "xvdb", "--input", piece, check=False)
    expect(refused.returncode != 0, "a write to a read-only disk was accepted")
    sim("detach", "5", "xvdb")
    expect(digest(image) == before, "a read-only image changed")


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        image, control = os.path.join(folder, "image"), os.path.join(folder, "control")
        with open(image, "wb") as f:
            f.write(random.Random("image").randbytes(SIZE))
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control])
        wait_until(lambda: os.path.exists(control), "xenblkd does not start")
        sim("attach", "5", "xvda", "--params", f"file:{image}")
        for personality in ("linux", "linux-big", "x86_32", "legacy32", "grub", "windows", "plain"):
            front_reads_writes_verifies(image, folder, personality)
        front_discards(image, 9 * MIB)
        a_read_only_disk_stays_as_it_is(folder)
        if os.environ.get("XENBLK_PLUGIN", "yes") == "yes":
            nbd_copies_both_ways(image, folder)
        sim("detach", "5", "xvda")
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd did not end cleanly")
        nothing_held(0)


inside(test)

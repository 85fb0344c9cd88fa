"""A store with no room left: its guest gets errors, its neighbour does not notice, and the log has one sentence about it."""
import json
import os
import random
import re
import subprocess
import tempfile

from libsim import BIN, PLAIN, SIM, expect, inside, nothing_held, run, sim, wait_for_nbd, wait_until

FRONT = os.path.join(BIN, "xenblk-front")
MIB = 1024 * 1024
SENTENCE = r"error: vbd 5/%d: the store failed a write at sector (\d+): No space left on device"


def guest(*command, check=True):
    return sim("guest", "5", "--", FRONT, *command, check=check)


def sentences(folder, devid):
    with open(os.path.join(folder, "log"), encoding="utf-8") as f:
        return [int(sector) for sector in re.findall(SENTENCE % devid, f.read())]


def written_in_vain(folder, name, devid, params, beside):
    """Load that fails, with what the log says of it; what is there already can still be read."""
    sim("attach", "5", name, "--params", params)
    load = guest("load", "--devid", name, "--queues", "4", "--write", "100", "--block-size", "64k", "--sequential",
                 "--operations", "512", "--json", check=False)
    errors = json.loads(load.stdout)["errors"]
    expect(load.returncode != 0 and errors > 10, f"{params}: a load on a full store ended with {errors} errors")
    said = sentences(folder, devid)
    expect(len(said) == 1, f"{params}: the log has {len(said)} sentences about it")
    expect(said[0] < 32 * MIB // 512, f"{params}: sector {said[0]} is not on the disk")
    guest("read", "--devid", name, "--length", "1M", "--output", os.path.join(folder, "back"))
    expect(beside.poll() is None, "the neighbour's load has ended")
    sim("detach", "5", name)


def on_a_full_file_system(folder, beside):
    small = os.path.join(folder, "small")
    os.mkdir(small)
    mounted = run("mount", "-t", "tmpfs", "-o", "size=8M", "xenblk", small, check=False, env=PLAIN)
    if mounted.returncode != 0:
        print(f"skipped: a full file system, for none can be mounted: {mounted.stderr.strip()}")
        return
    try:
        image = os.path.join(small, "image")
        with open(image, "wb") as f:
            f.write(random.Random("full").randbytes(MIB))
            f.truncate(32 * MIB)
        written_in_vain(folder, "xvda", 51712, f"file:{image}", beside)
        with open(image, "rb") as f, open(os.path.join(folder, "back"), "rb") as back:
            expect(f.read(MIB) == back.read(), "what was read from the full store is not what it holds")
    finally:
        # Lazily: the kernel lets go of a worker's io_uring, and so of the image, some time after its end.
        run("umount", "--lazy", small, env=PLAIN)


def behind_a_socket(folder, beside):
    """A server that says so itself, wherever no file system can be mounted."""
    socket = os.path.join(folder, "nbd")
    server = subprocess.Popen(["nbdkit", "--foreground", "-U", socket, "--filter=error", "memory", "32M", "error=ENOSPC",
                               "error-pwrite-rate=25%"], env=PLAIN, stderr=subprocess.DEVNULL)
    try:
        wait_for_nbd(socket)
        written_in_vain(folder, "xvdb", 51728, f"nbd+unix:///?socket={socket}", beside)
    finally:
        server.terminate()
        server.wait(30)


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        control, image = os.path.join(folder, "control"), os.path.join(folder, "image")
        with open(image, "wb") as f:
            f.truncate(8 * MIB)
        with open(os.path.join(folder, "log"), "wb") as log:
            daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control], stderr=log)
        try:
            wait_until(lambda: os.path.exists(control), "xenblkd does not start")
            sim("attach", "5", "xvdc", "--params", f"file:{image}")
            beside = subprocess.Popen([SIM, "guest", "5", "--", FRONT, "load", "--devid", "xvdc", "--verify", "--write", "50",
                                       "--seconds", "200"], stdout=subprocess.DEVNULL)
            on_a_full_file_system(folder, beside)
            behind_a_socket(folder, beside)
            beside.terminate()
            expect(beside.wait(60) == 0, "the neighbour's load did not end well")
            expect(not sentences(folder, 51744), "the neighbour's store is said to have failed")
            sim("detach", "5", "xvdc")
        finally:
            daemon.terminate()
            code = daemon.wait(30)
        expect(code == 0, f"xenblkd ended with {code}")
        nothing_held(0)


inside(test)

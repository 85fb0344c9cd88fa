"""A qcow2 image behind qemu-nbd as a guest's disk: what was written is there; a store that dies harms only its disk."""
import json
import os
import random
import signal
import subprocess
import tempfile
import time

from libsim import BIN, PLAIN, SIM, expect, inside, nothing_held, run, sim, wait_for_nbd, wait_until

FRONT = os.path.join(BIN, "xenblk-front")
MIB = 1024 * 1024


def guest(*command, check=True):
    return sim("guest", "5", "--", FRONT, *command, check=check)


def begin_guest(*command):
    return subprocess.Popen([SIM, "guest", "5", "--", FRONT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def serve(image, socket):
    server = subprocess.Popen(["qemu-nbd", "--socket", socket, "--format", "qcow2", "--discard", "unmap", "--shared", "16", "--persistent", image], env=PLAIN)
    wait_for_nbd(socket)
    return server


def disks(control):
    listed = json.loads(run(os.path.join(BIN, "xenblkctl"), "--socket", control, "--json", "list").stdout)
    return {disk["devid"]: disk for disk in listed["disks"]}


def state(control, devid):
    """None of a disk that the daemon has not seen yet."""
    return disks(control).get(devid, {}).get("state")


def written_and_read(folder, image, uri):
    """All queues at once, verified; then what stands in the image once the disk is gone."""
    piece, raw = os.path.join(folder, "piece"), os.path.join(folder, "raw")
    with open(piece, "wb") as f:
        f.write(random.Random("nbd").randbytes(3 * MIB + 512))
    sim("attach", "5", "xvda", "--params", uri)
    guest("load", "--queues", "4", "--verify", "--write", "50", "--operations", "2000", "--block-size", "512:20,4k:60,44k:20",
          "--region-start", "16M")
    guest("write", "--input", piece, "--offset", str(5 * MIB + 512))
    sim("detach", "5", "xvda")
    run("qemu-img", "convert", "-U", "-O", "raw", image, raw, env=PLAIN)
    with open(raw, "rb") as f, open(piece, "rb") as p:
        f.seek(5 * MIB + 512)
        expect(f.read(3 * MIB + 512) == p.read(), "what was written is not in the qcow2 image")


def a_store_that_grows(folder, control):
    """Its library fixes the size when it connects; so another worker connects, between two requests of a verified load."""
    image, socket = os.path.join(folder, "grows"), os.path.join(folder, "grows.socket")
    with open(image, "wb") as f:
        f.truncate(16 * MIB)
    server = subprocess.Popen(["nbdkit", "--foreground", "--unix", socket, "file", image], env=PLAIN)
    wait_for_nbd(socket)
    sim("attach", "5", "xvda", "--params", f"nbd+unix:///?socket={socket}")
    load = begin_guest("load", "--verify", "--write", "50", "--seconds", "120", "--region", "8M")
    wait_until(lambda: state(control, 51712) == "connected", "the disk on the store does not connect")
    os.truncate(image, 32 * MIB)
    said = run(os.path.join(BIN, "xenblkctl"), "--socket", control, "resize", "5/51712").stdout
    expect(said == f"{32 * MIB} bytes\n", f"resize says {said}")
    expect(state(control, 51712) == "connected", "a store that grew is not connected any more")
    load.terminate()
    expect(load.wait(60) == 0, "the load on a store that grew did not end well")
    sim("detach", "5", "xvda")
    server.terminate()
    server.wait(20)


def trimmed(image, uri):
    """What a guest discards is given back by the qcow2 image, and reads as zeroes; its neighbours stay."""
    before = os.stat(image).st_blocks
    sim("attach", "5", "xvda", "--params", uri)
    guest("discard", "--offset", "6M", "--length", "1M")
    zeroes = guest("read", "--offset", "6M", "--length", "1M").stdout
    sim("detach", "5", "xvda")
    expect(set(zeroes) <= {"\0"}, "what was discarded is still there")
    # Not all of it: qcow2 writes tables that it held back, and a file system needs blocks to note a hole.
    freed = (before - os.stat(image).st_blocks) * 512
    expect(freed >= MIB // 2, f"of 1 MiB that was discarded the qcow2 image gave {freed} bytes back")


def a_store_that_dies(folder, control, server, uri):
    """Its guest gets errors at once; its neighbour's load does not notice; both disks can be detached."""
    image = os.path.join(folder, "neighbour")
    with open(image, "wb") as f:
        f.truncate(8 * MIB)
    sim("attach", "5", "xvda", "--params", uri)
    sim("attach", "5", "xvdb", "--params", f"file:{image}")
    beside = begin_guest("load", "--devid", "xvdb", "--verify", "--write", "50", "--seconds", "4")
    hit = begin_guest("load", "--devid", "xvda", "--verify", "--write", "50", "--seconds", "8")
    wait_until(lambda: state(control, 51712) == "connected", "the disk on the store does not connect")
    server.send_signal(signal.SIGKILL)
    server.wait()
    expect(hit.wait(60) != 0, "a load on a store that died ended well")
    expect(beside.wait(60) == 0, "the neighbour's load did not end well")
    sim("detach", "5", "xvda")
    sim("detach", "5", "xvdb")


def processor_seconds(parent):
    """Of the workers that xenblkd has started."""
    seconds = 0
    for worker in run("pgrep", "-P", str(parent), env=PLAIN).stdout.split():
        with open(f"/proc/{worker}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


def a_store_that_dies_at_rest(folder, daemon):
    """Its guest asks for nothing: then its worker does nothing, either."""
    socket = os.path.join(folder, "rest.socket")
    server = subprocess.Popen(["nbdkit", "--foreground", "--unix", socket, "memory", "4M"], env=PLAIN)
    wait_for_nbd(socket)
    sim("attach", "5", "xvda", "--params", f"nbd+unix:///?socket={socket}")
    rests = subprocess.Popen([SIM, "guest", "5", "--", FRONT, "read", "--length", "4k", "--hold"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    expect(rests.stdout.read(4096) == bytes(4096), "the store is not read")
    server.kill()
    server.wait()
    before = processor_seconds(daemon.pid)
    time.sleep(1)
    spent = processor_seconds(daemon.pid) - before
    expect(spent < 0.3, f"a worker whose store died at rest took {spent} s of a second")
    rests.terminate()
    rests.communicate(timeout=60)
    sim("detach", "5", "xvda")


def where_nobody_listens(control, socket):
    sim("attach", "5", "xvdc", "--params", f"nbd+unix:///?socket={socket}", check=False)
    wait_until(lambda: disks(control).get(51744, {}).get("error"), "no error is told of a store that is not there")
    error = disks(control)[51744]["error"]
    expect(f"the store nbd+unix:///?socket={socket} cannot be used" in error, f"the error is: {error}")
    sim("detach", "5", "xvdc")


def test():
    with tempfile.TemporaryDirectory(prefix="xenblk-") as folder:
        image, socket, control = (os.path.join(folder, name) for name in ("image", "nbd", "control"))
        uri = f"nbd+unix:///?socket={socket}"
        run("qemu-img", "create", "-f", "qcow2", image, "32M", env=PLAIN)
        server = serve(image, socket)
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", control])
        try:
            wait_until(lambda: os.path.exists(control), "xenblkd does not start")
            written_and_read(folder, image, uri)
            a_store_that_grows(folder, control)
            trimmed(image, uri)
            a_store_that_dies_at_rest(folder, daemon)
            a_store_that_dies(folder, control, server, uri)
            os.unlink(socket)
            where_nobody_listens(control, socket)
        finally:
            server.kill()
            server.wait()
            daemon.terminate()
            code = daemon.wait(30)
        expect(code == 0, f"xenblkd ended with {code}")
        nothing_held(0)


inside(test)

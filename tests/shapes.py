"""Another size and another medium, under load: a guest sees errors only where there is nothing, and nothing leaks."""
import json
import os
import signal
import subprocess
import tempfile

from libsim import BIN, SIM, expect, inside, nothing_held, run, sim, wait_until

CTL = os.path.join(BIN, "xenblkctl")
MIB = 1 << 20
DISK, DRIVE = "5/51712", "5/51728"
BACK = {DISK: "backend/vbd/5/51712", DRIVE: "backend/vbd/5/51728"}


def start(folder):
    socket = os.path.join(folder, "control")
    with open(os.path.join(folder, "log"), "wb") as log:
        daemon = subprocess.Popen([os.path.join(BIN, "xenblkd"), "--foreground", "--control", socket],
                                  stderr=log, stdin=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(socket), "xenblkd does not open its control socket")
    return daemon, socket


def ctl(socket, *arguments, check=True):
    return run(CTL, "--socket", socket, *arguments, check=check)


def show(socket, disk):
    return json.loads(ctl(socket, "show", disk, "--json").stdout)["disks"][0]


def state(socket, disk):
    """None of a disk that the daemon has not seen yet."""
    answer = ctl(socket, "show", disk, "--json", check=False)
    return json.loads(answer.stdout)["disks"][0]["state"] if answer.returncode == 0 else None


def answers(socket, disk):
    total = json.loads(ctl(socket, "stats", disk, "--json").stdout)["disks"][0]["total"]
    return total["reads"] + total["refused"]


def node(disk, key):
    return run("xenstore-read", f"{BACK[disk]}/{key}").stdout.strip()


def image(folder, name, size):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def start_load(socket, disk, *options):
    device = "xvda" if disk == DISK else "xvdb"
    load = subprocess.Popen([SIM, "guest", "5", "--", os.path.join(BIN, "xenblk-front"), "load", "--devid", device,
                             "--queues", "2", "--depth", "16", "--seconds", "120", "--json", *options],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_until(lambda: state(socket, disk) == "connected" and answers(socket, disk) > 0,
               "the load does not begin")
    return load


def result(load):
    """It ends when it is told to, and no answer is of another request."""
    load.terminate()
    text, _ = load.communicate(timeout=60)
    document = json.loads(text)
    expect(document["mismatches"] == 0 and document["protocol"] == 0, f"the load saw {document}")
    return document


def goes_on(socket, disk):
    before = answers(socket, disk)
    wait_until(lambda: answers(socket, disk) > before, f"{disk} does not serve")


def resize_under_load(socket, path):
    """What lies below every end that the disk has had is there all the time."""
    load = start_load(socket, DISK, "--write", "50", "--verify", "--region", str(8 * MIB))
    for size in (32 * MIB, 64 * MIB, 16 * MIB, 8 * MIB, 24 * MIB):
        if size > os.path.getsize(path):
            os.truncate(path, size)
        said = ctl(socket, "resize", DISK, str(size)).stdout
        expect(said == f"{size} bytes\n", f"resize says {said}")
        os.truncate(path, size)
        expect(node(DISK, "sectors") == str(size // 512), f"the guest is not told of {size} bytes")
        expect(node(DISK, "state") == "4", "the disk is not connected")
        goes_on(socket, DISK)
    document = result(load)
    expect(document["errors"] == 0, f"there were {document['errors']} errors")
    # A guest that did not let go of what is gone has not brought it back.
    expect(os.path.getsize(path) == 24 * MIB, "the file was written beyond its end")
    disk = show(socket, DISK)
    expect(disk["worker_deaths"] == 0 and disk["connections"] == 1, f"{disk}")
    print(f"longest pause {disk['longest_pause_us'] / 1000:.1f} ms, {document['operations']} requests")


def resize_below_a_load(socket, path):
    """Beyond the end there are errors, and nothing else is harmed."""
    load = start_load(socket, DISK, "--write", "50", "--region", str(24 * MIB))
    ctl(socket, "resize", DISK, "4M")
    os.truncate(path, 4 * MIB)
    goes_on(socket, DISK)
    expect(result(load)["errors"] > 0, "what is beyond the end is served")
    expect(os.path.getsize(path) == 4 * MIB, "the file was written beyond its end")


def media_under_load(socket, medium):
    load = start_load(socket, DRIVE)
    for _ in range(3):
        said = ctl(socket, "eject", DRIVE).stdout
        expect(said == "no medium\n", f"eject says {said}")
        expect((node(DRIVE, "sectors"), node(DRIVE, "state")) == ("0", "4"), "the guest is not told of it")
        expect(node(DRIVE, "params") == "", "xenstore does not say that there is none")
        goes_on(socket, DRIVE)
        said = ctl(socket, "insert", DRIVE, medium).stdout
        expect(said == f"{8 * MIB} bytes\n", f"insert says {said}")
        goes_on(socket, DRIVE)
    # As libxl does it.
    for params, sectors in (("", "0"), (medium, str(8 * MIB // 512))):
        run("xenstore-write", f"{BACK[DRIVE]}/params", params)
        wait_until(lambda: node(DRIVE, "sectors") == sectors, f"params \"{params}\" does not count")
        goes_on(socket, DRIVE)
    expect(result(load)["errors"] > 0, "a drive without a medium reads")
    load = start_load(socket, DRIVE)
    expect(result(load)["errors"] == 0, "a medium has errors")


def a_daemon_that_is_replaced(folder, daemon, socket, path):
    """The next one goes on with the size that the guest was told, although the file is larger."""
    os.truncate(path, 64 * MIB)
    ctl(socket, "resize", DISK, "16M")
    load = start_load(socket, DISK, "--write", "50", "--verify", "--region", str(8 * MIB))
    daemon.send_signal(signal.SIGKILL)
    daemon.wait(20)
    os.unlink(socket)
    daemon, socket = start(folder)
    wait_until(lambda: state(socket, DISK) == "connected", "the disk is not gone on with")
    expect(node(DISK, "sectors") == str(16 * MIB // 512), "the size is another one")
    ctl(socket, "resize", DISK)
    expect(node(DISK, "sectors") == str(64 * MIB // 512), "the file's size is not taken")
    expect(result(load)["errors"] == 0, "there were errors")
    return daemon, socket


def words(socket):
    for arguments, part in ((("resize", DISK, "1G"), "let it grow first"), (("resize", DISK, "1000"), "whole sectors"),
                            (("eject", DISK), "no CD-ROM drive"), (("insert", DRIVE, "/nowhere"), "cannot be opened"),
                            (("resize", "9/1"), "no disk 9/1")):
        answer = ctl(socket, *arguments, check=False)
        expect(answer.returncode == 1 and part in answer.stderr, f"{arguments}: {answer}")
    for arguments in (("resize", DISK, "x"), ("insert", DRIVE), ("eject", DRIVE, "now"), ("resize",)):
        answer = ctl(socket, *arguments, check=False)
        expect(answer.returncode == 2, f"{arguments}: {answer}")


def test():
    with tempfile.TemporaryDirectory() as folder:
        daemon, socket = start(folder)
        path, medium = image(folder, "disk", 16 * MIB), image(folder, "medium", 8 * MIB)
        sim("attach", "5", "xvda", "--params", f"file:{path}")
        sim("attach", "5", "xvdb", "--params", medium, "--mode", "r", "--device-type", "cdrom")
        wait_until(lambda: state(socket, DRIVE) == "waiting", "the drive does not come")
        resize_under_load(socket, path)
        resize_below_a_load(socket, path)
        media_under_load(socket, medium)
        words(socket)
        daemon, socket = a_daemon_that_is_replaced(folder, daemon, socket, path)
        sim("destroy", "5")
        daemon.send_signal(signal.SIGTERM)
        expect(daemon.wait(20) == 0, "xenblkd does not end cleanly")
        nothing_held(0)


inside(test)

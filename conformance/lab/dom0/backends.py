"""The block backends of dom0: how each is started, killed and asked.

A backend serves the disk images below DISKS.  Used by session.py; knows nothing
of checks.  start() raises Broken, so that a backend that never comes costs the
rows of that backend only.
"""

import glob
import json
import os
import signal
import subprocess
import time

from shell import Broken, Hung, Skipped, children, read, run, status, wait_for

BIN = "/job/bin"
DISKS = "/var/lab"
LOGS = "/var/log/xen"
CONTROL = "/run/xenblk/control"
MODULE = "/sys/module/xen_blkback"
# Of one daemon's recording; a record of the results disk takes 8 MiB.
RECORD_BYTES = "7M"


def alive(process):
    return process is not None and process.poll() is None


class Xenblkd:
    """Our daemon on backend/vbd, with the sandbox and recording as in production."""

    name, kind, kills = "xenblkd", "vbd", True

    def __init__(self, options=()):
        self.options, self.extra, self.process = tuple(options), (), None
        self.log, self.recordings = f"{LOGS}/xenblkd.log", []

    def start(self):
        unload_blkback()
        # A daemon that follows a killed one records into a file of its own.
        self.recordings.append(f"/var/lib/recording-{len(self.recordings)}")
        out = open(self.log, "ab")
        self.process = subprocess.Popen(
            [f"{BIN}/xenblkd", "--foreground", "--worker", f"{BIN}/xenblk-worker",
             "--control", CONTROL, "--log-level", "debug",
             "--record", self.recordings[-1], "--record-bytes", RECORD_BYTES,
             *self.options, *self.extra],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )
        wait_for("xenblkd's control socket", 20, self._ready)

    def _ready(self):
        if not alive(self.process):
            with open(self.log, errors="replace") as log:
                raise Broken(f"xenblkd ended at its start: {log.read()[-300:].strip()}")
        return status(f"{BIN}/xenblkctl", "--socket", CONTROL, "list")[0] == 0

    def stop(self):
        if alive(self.process):
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Hung("xenblkd did not end within 20 s of SIGTERM") from None

    def workers(self):
        """Process ids of its workers."""
        return processes("xenblk-worker")

    def kill_part(self):
        """SIGKILL for the workers; the daemon stays."""
        pids = self.workers()
        if not pids:
            raise Hung("there is no worker to kill")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def kill_all(self):
        """SIGKILL for the daemon and its workers, then a new daemon."""
        pids = self.workers()
        self.process.kill()
        for pid in pids:
            kill_quietly(pid)
        self.process.wait()
        self.start()

    def ask(self, *words):
        """Disks of an answer of the control socket."""
        return json.loads(run(f"{BIN}/xenblkctl", "--socket", CONTROL, *words,
                              "--json"))["disks"]

    def tell(self, *words):
        """A command that changes something."""
        run(f"{BIN}/xenblkctl", "--socket", CONTROL, *words)

    def flushes(self, domid):
        """FLUSH requests that were served for a guest."""
        return sum(disk["total"].get("flushes", 0) for disk in self.ask("stats")
                   if disk["domid"] == domid)

    def direct(self, domid, devid):
        """Whether a disk's I/O goes past the page cache, into the guest's own pages."""
        return self.ask("show", f"{domid}/{devid}")[0]["direct"]

    def meet_rival(self):
        """What a daemon says that finds xen-blkback loaded: (exit status, words)."""
        self.stop()
        run("modprobe", "xen-blkback")
        try:
            return status(f"{BIN}/xenblkd", "--foreground", "--worker",
                          f"{BIN}/xenblk-worker", "--control", CONTROL, seconds=15)
        finally:
            self.start()

    def disk(self, image, vdev="xvda"):
        return (f"format=raw,vdev={vdev},access=rw,backendtype=phy,"
                f"script=block-xenblk,target=file:{image}")


class Blkback:
    """The kernel's xen-blkback over a loop device."""

    name, kind, kills = "blkback", "vbd", False

    def __init__(self, options=()):
        self.options, self.log = tuple(options), "/var/log/xen/xen-hotplug.log"

    def start(self):
        if not os.path.exists(MODULE):
            code, text = status("modprobe", "xen-blkback", "max_queues=4")
            if code != 0:
                raise Broken(f"xen-blkback cannot be loaded: {text.strip()}")

    def stop(self):
        unload_blkback()

    def flushes(self, domid):
        return sum(int(open(path).read()) for path in glob.glob(
            f"/sys/bus/xen-backend/devices/vbd-{domid}-*/statistics/f_req"))

    def disk(self, image, vdev="xvda"):
        return (f"format=raw,vdev={vdev},access=rw,backendtype=phy,"
                f"script=block-loop,target={image}")


class Qemu:
    """QEMU's xen-disk, which libxl starts for each guest."""

    name, kind, kills = "qemu", "qdisk", False

    def __init__(self, options=()):
        self.options, self.log = tuple(options), None

    def start(self):
        pass  # libxl's doing

    def stop(self):
        pass

    def flushes(self, domid):
        raise Skipped("QEMU does not tell how many flushes it served")

    def disk(self, image, vdev="xvda"):
        return f"format=raw,vdev={vdev},access=rw,backendtype=qdisk,target={image}"


def unload_blkback():
    """Takes xen-blkback out of the kernel; it may be busy for a moment."""
    if os.path.exists(MODULE):
        wait_for("the end of xen-blkback", 15,
                 lambda: status("modprobe", "-r", "xen-blkback")[0] == 0, 0.5)


def kill_quietly(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it followed its daemon by itself


def processes(name):
    """Process ids of the running programs of a name."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as comm:
                if comm.read().strip() == name[:15]:
                    found.append(int(path.split("/")[2]))
        except OSError:
            continue  # it has just ended
    return found


def make_disk(name, mib):
    """A fresh sparse image below DISKS; its path."""
    os.makedirs(DISKS, exist_ok=True)
    path = f"{DISKS}/{name}"
    with open(path, "wb") as image:
        image.truncate(mib << 20)
    return path


def make(name, options=()):
    """A backend by name."""
    return {"xenblkd": Xenblkd, "blkback": Blkback, "qemu": Qemu}[name](options)


def frontend_state(domid, devid):
    return read(f"/local/domain/{domid}/device/vbd/{devid}/state")


def backend_gone(kind, domid, seconds=10):
    """Waits until no disk of a guest is left in xenstore; how long it took."""
    start = time.monotonic()
    wait_for(f"the removal of backend/{kind}/{domid}", seconds,
             lambda: not children(f"/local/domain/0/backend/{kind}/{domid}"))
    return time.monotonic() - start

"""The bench's disks: four backends that serve one guest at the same time.

Each disk is a RAM disk of dom0's kernel (brd), of one size.  xen-blkback and
QEMU come through xl; our daemons serve directories of their own, with nodes
written as a toolstack would, since backend/vbd belongs to the kernel here.
Used by bench.py.
"""

import os
import re
import subprocess
import time

import meter
from backends import BIN, LOGS
from shell import Broken, Trouble, read, run, status, wait_for

FIRST_DEVID, STEP = 51712, 16


class Disk:
    """One disk of the bench, by its place: xvda is 0."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.vdev = f"xvd{chr(97 + number)}"
        self.devid = FIRST_DEVID + STEP * number
        self.device = f"/dev/ram{number}"

    def line(self):
        """The disk for xl, or None: then attach() makes it."""
        return None

    def start(self):
        """Makes the backend ready, before the guest is created."""

    def attach(self, domid):
        """Makes the disk, once the guest runs."""

    def detach(self, domid):
        """Takes it away again, before the guest is destroyed."""

    def stop(self):
        """Ends the backend, after the guest."""

    def pids(self):
        """The processes and kernel threads that serve this disk."""
        return []

    def logs(self):
        """Files that tell of the backend's life."""
        return []


class Blkback(Disk):
    def start(self):
        for name in ("xen-blkback",):
            code, text = status("modprobe", name, "max_queues=4")
            if code != 0:
                raise Broken(f"{name} cannot be loaded: {text.strip()}")

    def line(self):
        return (f"format=raw,vdev={self.vdev},access=rw,backendtype=phy,"
                f"script=block-loop,target={self.device}")

    def pids(self):
        # The kernel's threads are called DOMID.DEVICE-QUEUE.
        return meter.named(re.compile(rf"\d+\.{self.vdev}-\d+").fullmatch)


class Qemu(Disk):
    def line(self):
        return (f"format=raw,vdev={self.vdev},access=rw,backendtype=qdisk,"
                f"target={self.device}")

    def pids(self):
        return meter.named(lambda name: name.startswith(("qemu-system", "xen-qemu")))


class Xenblkd(Disk):
    """Our daemon on backend/xenblk-N, with its own control socket."""

    def __init__(self, name, number, options=()):
        super().__init__(name, number)
        self.options, self.process = tuple(options), None
        self.directory = f"xenblk{number}"
        self.control = f"/run/xenblk/control{number}"
        self.log = f"{LOGS}/bench-{name}.log"

    def start(self):
        os.makedirs("/run/xenblk", exist_ok=True)
        log = open(self.log, "wb")
        self.process = subprocess.Popen(
            [f"{BIN}/xenblkd", "--foreground", "--worker", f"{BIN}/xenblk-worker",
             "--directory", self.directory, "--control", self.control, *self.options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        wait_for(f"the control socket of {self.name}", 20, self._ready)

    def _ready(self):
        if self.process.poll() is not None:
            with open(self.log, errors="replace") as log:
                raise Broken(f"xenblkd ended at its start: {log.read()[-300:].strip()}")
        return os.path.exists(self.control)

    def _paths(self, domid):
        return (f"/local/domain/0/backend/{self.directory}/{domid}/{self.devid}",
                f"/local/domain/{domid}/device/vbd/{self.devid}")

    def attach(self, domid):
        back, front = self._paths(domid)
        with Transaction() as store:
            store.directory(back, 0, domid, {
                "frontend": front, "frontend-id": domid, "online": 1, "removable": 0,
                "bootable": 1, "dev": self.vdev, "type": "phy", "mode": "w",
                "device-type": "disk", "params": f"file:{self.device}", "state": 1,
            })
            store.directory(front, domid, 0, {
                "backend": back, "backend-id": 0, "virtual-device": self.devid,
                "device-type": "disk", "state": 1,
            })

    def detach(self, domid):
        back, front = self._paths(domid)
        run("xenstore-write", f"{back}/online", "0", f"{back}/state", "5")
        try:
            wait_for(f"the end of {back}", 20,
                     lambda: read(f"{back}/state") in ("6", None))
        finally:
            status("xenstore-rm", back)
            status("xenstore-rm", front)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Trouble(f"xenblkd ({self.name}) did not end by itself") from None

    def pids(self):
        return meter.children(self.process.pid)

    def logs(self):
        return [self.log] if os.path.exists(self.log) else []


class Transaction:
    """Nodes that come into being together, as a toolstack makes them: either side
    gives up a disk whose other directory is not there."""

    def __enter__(self):
        from xen.lowlevel import xs  # meter.py knows where it is

        self._store = xs.xs()
        self._number = self._store.transaction_start()
        return self

    def __exit__(self, kind, *_):
        done = self._store.transaction_end(self._number, kind is not None)
        self._store.close()
        if kind is None and not done:
            raise Broken("a transaction in xenstore met another one")

    def directory(self, base, owner, reader, nodes):
        """One side's directory; the nodes inherit its permissions."""
        self._store.mkdir(self._number, base)
        self._store.set_permissions(self._number, base, [
            {"dom": owner, "read": False, "write": False},
            {"dom": reader, "read": True, "write": False}])
        for key, value in nodes.items():
            self._store.write(self._number, f"{base}/{key}", str(value))


def make(names):
    """The disks of these names, in order."""
    found = []
    for number, name in enumerate(names):
        if name == "xenblk":
            found.append(Xenblkd(name, number))
        elif name == "xenblk-copy":
            found.append(Xenblkd(name, number, ("--persistent-grants", "0")))
        else:
            found.append({"blkback": Blkback, "qemu": Qemu}[name](name, number))
    return found


def load_ram_disks(count, mib):
    """count RAM disks of mib MiB each, empty."""
    if os.path.exists("/sys/module/brd"):
        time.sleep(0.2)  # whoever had them open lets go
        run("modprobe", "-r", "brd")
    run("modprobe", "brd", f"rd_nr={count}", f"rd_size={mib << 10}")
    for number in range(count):
        if not os.path.exists(f"/dev/ram{number}"):
            raise Broken(f"brd is loaded and there is no /dev/ram{number}")
